import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertPathValidatorException.BasicReason;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.net.URI;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Asks a revocation service about certificates, with Java's own PKIX validator.
 *
 * Each line of the standard input is one question: "ocsp" or "crl", the instant in
 * milliseconds, the anchor, the certificate and, if it is not the one in the certificate, the
 * address of the responder, separated by tabs. Each line of the output is the answer: "good",
 * "revoked" with the reason, "unknown", or "refused" and why. Lists are only fetched if the
 * property com.sun.security.enableCRLDP is set.
 */
public final class AskStatus {
    private AskStatus() {
    }

    public static void main(String[] arguments) throws Exception {
        String questions = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        for (String question : questions.strip().split("\n")) {
            System.out.println(answer(question.split("\t")));
        }
    }

    private static String answer(String[] question) {
        try {
            CertPathValidator validator = CertPathValidator.getInstance("PKIX");
            PKIXRevocationChecker checker =
                (PKIXRevocationChecker) validator.getRevocationChecker();
            EnumSet<PKIXRevocationChecker.Option> options =
                EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK);
            if (question[0].equals("crl")) {
                options.add(PKIXRevocationChecker.Option.PREFER_CRLS);
            }
            checker.setOptions(options);
            if (question.length > 4) {
                checker.setOcspResponder(URI.create(question[4]));
            }
            PKIXParameters parameters =
                new PKIXParameters(Set.of(new TrustAnchor(certificate(question[2]), null)));
            parameters.setDate(new Date(Long.parseLong(question[1])));
            // By default a critical certificatePolicies with a CPS qualifier is refused.
            parameters.setPolicyQualifiersRejected(false);
            parameters.addCertPathChecker(checker);
            validator.validate(
                CertificateFactory.getInstance("X.509")
                    .generateCertPath(List.of(certificate(question[3]))),
                parameters);
            return "good";
        } catch (CertPathValidatorException refusal) {
            if (refusal.getCause() instanceof CertificateRevokedException revoked) {
                return "revoked " + revoked.getRevocationReason();
            }
            if (refusal.getReason() == BasicReason.UNDETERMINED_REVOCATION_STATUS
                && refusal.getMessage().contains("status is unknown")) {
                return "unknown";
            }
            return "refused: " + refusal;
        } catch (Exception other) {
            return "refused: " + other;
        }
    }

    private static X509Certificate certificate(String file) throws Exception {
        try (InputStream stream = Files.newInputStream(Path.of(file))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(stream);
        }
    }
}
