import com.sun.org.apache.xml.internal.security.c14n.Canonicalizer;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import javax.xml.crypto.XMLStructure;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLObject;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Judges and makes XML signatures with javax.xml.crypto.dsig.
 *
 * Each line of the standard input is one task, its fields separated by tabs. "verify",
 * certificate and document: the answer is "true", "false", or what went wrong. "sign",
 * form, signature method, digest method, canonicalization, key algorithm, key (PKCS #8),
 * certificate, input and output: the answer is "signed". "imprints", certificate and
 * document: what each of its archive timestamps is over (EN 319 132-1 5.5.2.2), as
 * SHA-256, hexadecimal, separated by spaces.
 */
public final class JudgeXML {
    private static final XMLSignatureFactory DSIG = XMLSignatureFactory.getInstance("DOM");

    private JudgeXML() {
    }

    public static void main(String[] arguments) throws Exception {
        String input = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        for (String line : input.split("\n")) {
            String[] fields = line.split("\t");
            try {
                System.out.println(switch (fields[0]) {
                    case "sign" -> sign(fields);
                    case "imprints" -> imprints(fields);
                    default -> verify(fields);
                });
            } catch (Exception problem) {
                System.out.println(problem.toString().replace('\n', ' '));
            }
        }
    }

    private static boolean verify(String[] fields) throws Exception {
        X509Certificate certificate = certificate(fields[1]);
        Path path = Path.of(fields[2]);
        Document document = read(path);
        nameElements(document.getDocumentElement());
        NodeList found = document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
        DOMValidateContext context =
            new DOMValidateContext(certificate.getPublicKey(), found.item(0));
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.FALSE);
        context.setBaseURI(path.getParent().toUri().toString());
        return DSIG.unmarshalXMLSignature(context).validate(context);
    }

    private static String imprints(String[] fields) throws Exception {
        Path path = Path.of(fields[2]);
        Document document = read(path);
        nameElements(document.getDocumentElement());
        Element signature = (Element) document
            .getElementsByTagNameNS(XMLSignature.XMLNS, "Signature").item(0);
        DOMValidateContext context =
            new DOMValidateContext(certificate(fields[1]).getPublicKey(), signature);
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.FALSE);
        context.setProperty("javax.xml.crypto.dsig.cacheReference", Boolean.TRUE);
        context.setBaseURI(path.getParent().toUri().toString());
        XMLSignature read = DSIG.unmarshalXMLSignature(context);
        if (!read.validate(context)) {
            return "not valid";
        }
        ByteArrayOutputStream referred = new ByteArrayOutputStream();
        for (Object reference : read.getSignedInfo().getReferences()) {
            referred.write(((Reference) reference).getDigestInputStream().readAllBytes());
        }
        List<String> found = new ArrayList<>();
        Element properties = (Element) document.getElementsByTagNameNS(
            "http://uri.etsi.org/01903/v1.3.2#", "UnsignedSignatureProperties").item(0);
        for (Element stamp : below(properties)) {
            if (!stamp.getLocalName().equals("ArchiveTimeStamp")) {
                continue;
            }
            String method = below(stamp).get(0).getAttribute("Algorithm");
            ByteArrayOutputStream octets = new ByteArrayOutputStream();
            octets.write(referred.toByteArray());
            List<Element> parts = below(signature);
            for (Element part : parts) {
                if (!part.getLocalName().equals("Object")) {
                    octets.write(canonical(part, method));
                }
            }
            for (Element property : below(properties)) {
                if (property == stamp) {
                    break;
                }
                octets.write(canonical(property, method));
            }
            for (Element part : parts) {
                if (part.getLocalName().equals("Object") && part.getElementsByTagNameNS(
                        "*", "QualifyingProperties").getLength() == 0) {
                    octets.write(canonical(part, method));
                }
            }
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(octets.toByteArray());
            found.add(HexFormat.of().formatHex(digest));
        }
        return String.join(" ", found);
    }

    private static byte[] canonical(Element element, String method) throws Exception {
        ByteArrayOutputStream octets = new ByteArrayOutputStream();
        Canonicalizer.getInstance(method).canonicalizeSubtree(element, octets);
        return octets.toByteArray();
    }

    private static List<Element> below(Element element) {
        List<Element> found = new ArrayList<>();
        for (int i = 0; i < element.getChildNodes().getLength(); i++) {
            if (element.getChildNodes().item(i) instanceof Element) {
                found.add((Element) element.getChildNodes().item(i));
            }
        }
        return found;
    }

    /** Without a document type, somebody has to say which attributes are identifiers. */
    private static void nameElements(Element element) {
        for (String name : List.of("Id", "ID")) {
            if (element.hasAttribute(name)) {
                element.setIdAttribute(name, true);
            }
        }
        NodeList children = element.getChildNodes();
        for (int i = 0; i < children.getLength(); i++) {
            if (children.item(i) instanceof Element) {
                nameElements((Element) children.item(i));
            }
        }
    }

    private static String sign(String[] fields) throws Exception {
        String form = fields[1];
        DigestMethod digest = DSIG.newDigestMethod(fields[3], null);
        CanonicalizationMethod canonical =
            DSIG.newCanonicalizationMethod(fields[4], (C14NMethodParameterSpec) null);
        PrivateKey key = KeyFactory.getInstance(fields[5]).generatePrivate(
            new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(fields[6]))));
        Path input = Path.of(fields[8]);
        boolean inside = !form.equals("detached");
        Document document = inside ? read(input) : builder().newDocument();
        String uri = "";
        List<Transform> transforms = new ArrayList<>();
        List<XMLObject> objects = new ArrayList<>();
        org.w3c.dom.Node place = document;
        switch (form) {
            case "enveloped" -> {
                transforms.add(
                    DSIG.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null));
                place = document.getDocumentElement();
            }
            case "enveloping" -> {
                uri = "#object";
                XMLStructure content = new DOMStructure(document.getDocumentElement());
                objects.add(DSIG.newXMLObject(List.of(content), "object", null, null));
                Document other = builder().newDocument();
                other.adoptNode(document.getDocumentElement());
                place = other;
            }
            default -> uri = input.getFileName().toString();
        }
        Reference reference = DSIG.newReference(uri, digest, transforms, null, null);
        SignedInfo info = DSIG.newSignedInfo(
            canonical, DSIG.newSignatureMethod(fields[2], null), List.of(reference));
        KeyInfoFactory keys = DSIG.getKeyInfoFactory();
        KeyInfo keyInfo =
            keys.newKeyInfo(List.of(keys.newX509Data(List.of(certificate(fields[7])))));
        DOMSignContext context = new DOMSignContext(key, place);
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.FALSE);
        context.setBaseURI(input.getParent().toUri().toString());
        DSIG.newXMLSignature(info, keyInfo, objects, null, null).sign(context);
        Transformer writer = TransformerFactory.newInstance().newTransformer();
        writer.setOutputProperty(OutputKeys.ENCODING, "UTF-8");
        writer.transform(
            new DOMSource(place.getNodeType() == org.w3c.dom.Node.DOCUMENT_NODE
                ? place : document),
            new StreamResult(Path.of(fields[9]).toFile()));
        return "signed";
    }

    private static javax.xml.parsers.DocumentBuilder builder() throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        return factory.newDocumentBuilder();
    }

    private static Document read(Path path) throws Exception {
        try (InputStream stream = Files.newInputStream(path)) {
            return builder().parse(stream);
        }
    }

    private static X509Certificate certificate(String path) throws Exception {
        try (InputStream stream = Files.newInputStream(Path.of(path))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(stream);
        }
    }
}
