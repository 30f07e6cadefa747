import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;

/** Says whether this runtime knows a kind of key, such as ML-DSA (JEP 497). */
public final class KnowsKey {
    private KnowsKey() {
    }

    public static void main(String[] arguments) {
        try {
            KeyFactory.getInstance(arguments[0]);
            System.out.println("known");
        } catch (NoSuchAlgorithmException unknown) {
            System.out.println("unknown");
        }
    }
}
