import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
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
import java.util.Base64;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Judges chains of certificates with Java's own PKIX validator, and all that it can be asked.
 *
 * Each line of the standard input is one chain: the instant in seconds; four digits, 1 where
 * an explicit policy is required, mapping is inhibited, anyPolicy is inhibited, revocation is
 * looked at; the accepted policies or nothing; the anchor; CRLs; the certificates from the end
 * entity upwards. Fields are separated by tabs, lists by commas, DER is in base64. Each line
 * of the output is the verdict: "valid", or why not.
 */
public final class JudgeChains {
    private static final CertificateFactory X509;

    static {
        try {
            X509 = CertificateFactory.getInstance("X.509");
        } catch (Exception impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private JudgeChains() {
    }

    public static void main(String[] arguments) throws Exception {
        String chains = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        for (String chain : chains.split("\n")) {
            System.out.println(judge(chain.split("\t", -1)));
        }
    }

    private static String judge(String[] chain) throws Exception {
        try {
            X509Certificate anchor = (X509Certificate) certificates(chain[3]).get(0);
            CertPath path = X509.generateCertPath(certificates(chain[5]));
            PKIXParameters parameters =
                new PKIXParameters(Set.of(new TrustAnchor(anchor, null)));
            parameters.setDate(new Date(Long.parseLong(chain[0]) * 1000));
            parameters.setExplicitPolicyRequired(chain[1].charAt(0) == '1');
            parameters.setPolicyMappingInhibited(chain[1].charAt(1) == '1');
            parameters.setAnyPolicyInhibited(chain[1].charAt(2) == '1');
            parameters.setPolicyQualifiersRejected(false);
            if (!chain[2].isEmpty()) {
                parameters.setInitialPolicies(Set.of(chain[2].split(",")));
            }
            CertPathValidator validator = CertPathValidator.getInstance("PKIX");
            boolean revocation = chain[1].charAt(3) == '1';
            parameters.setRevocationEnabled(revocation);
            if (revocation) {
                parameters.addCertStore(CertStore.getInstance(
                    "Collection", new CollectionCertStoreParameters(crls(chain[4]))));
                PKIXRevocationChecker checker =
                    (PKIXRevocationChecker) validator.getRevocationChecker();
                checker.setOptions(EnumSet.of(
                    PKIXRevocationChecker.Option.PREFER_CRLS,
                    PKIXRevocationChecker.Option.NO_FALLBACK));
                parameters.addCertPathChecker(checker);
            }
            validator.validate(path, parameters);
            return "valid";
        } catch (CertPathValidatorException refusal) {
            return said(refusal.getReason() + " at " + refusal.getIndex() + ": " + refusal);
        } catch (Exception unreadable) {
            return said("unreadable: " + unreadable);
        }
    }

    private static String said(String text) {
        return text.replaceAll("\\s+", " ");
    }

    private static List<Certificate> certificates(String list) throws Exception {
        List<Certificate> found = new ArrayList<>();
        for (byte[] der : decoded(list)) {
            found.add(X509.generateCertificate(new ByteArrayInputStream(der)));
        }
        return found;
    }

    private static List<CRL> crls(String list) throws Exception {
        List<CRL> found = new ArrayList<>();
        for (byte[] der : decoded(list)) {
            found.add(X509.generateCRL(new ByteArrayInputStream(der)));
        }
        return found;
    }

    private static List<byte[]> decoded(String list) {
        List<byte[]> found = new ArrayList<>();
        for (String text : list.split(",")) {
            if (!text.isEmpty()) {
                found.add(Base64.getDecoder().decode(text));
            }
        }
        return found;
    }
}
