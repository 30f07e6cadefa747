import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CRL;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Judges certification paths with Java's own PKIX validator.
 *
 * Each line of the standard input is one path: the instant in seconds, the policy that must
 * hold, the anchor, the file of CRLs, and the certificates from the end entity upwards, all
 * separated by tabs. Each line of the output is the verdict: "valid", or why not.
 */
public final class JudgePaths {
    private static final CertificateFactory X509;

    static {
        try {
            X509 = CertificateFactory.getInstance("X.509");
        } catch (Exception impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private JudgePaths() {
    }

    public static void main(String[] arguments) throws Exception {
        String jobs = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        for (String job : jobs.split("\n")) {
            System.out.println(judge(job.split("\t")));
        }
    }

    private static String judge(String[] job) throws Exception {
        X509Certificate anchor = (X509Certificate) certificate(job[2]);
        List<Certificate> certificates = new ArrayList<>();
        for (int index = 4; index < job.length; index++) {
            certificates.add(certificate(job[index]));
        }
        CertPath path = X509.generateCertPath(certificates);
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(anchor, null)));
        parameters.setDate(new Date(Long.parseLong(job[0]) * 1000));
        parameters.setInitialPolicies(Set.of(job[1]));
        parameters.setExplicitPolicyRequired(true);
        // By default a critical certificatePolicies with a CPS qualifier is refused.
        parameters.setPolicyQualifiersRejected(false);
        parameters.addCertStore(CertStore.getInstance(
            "Collection", new CollectionCertStoreParameters(crls(job[3]))));
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        PKIXRevocationChecker revocation =
            (PKIXRevocationChecker) validator.getRevocationChecker();
        revocation.setOptions(EnumSet.of(
            PKIXRevocationChecker.Option.PREFER_CRLS,
            PKIXRevocationChecker.Option.NO_FALLBACK));
        parameters.addCertPathChecker(revocation);
        try {
            validator.validate(path, parameters);
            return "valid";
        } catch (CertPathValidatorException refusal) {
            return refusal.getReason() + " at " + refusal.getIndex() + ": "
                + refusal.getMessage();
        }
    }

    private static Certificate certificate(String file) throws Exception {
        try (InputStream stream = Files.newInputStream(Path.of(file))) {
            return X509.generateCertificate(stream);
        }
    }

    private static Collection<? extends CRL> crls(String file) throws Exception {
        try (InputStream stream = Files.newInputStream(Path.of(file))) {
            return X509.generateCRLs(stream);
        }
    }
}
