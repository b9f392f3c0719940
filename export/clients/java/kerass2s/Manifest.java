package kerass2s;

import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The content of {@code manifest.json}.
 *
 * @param file name of the model file
 * @param lengths source lengths of the encoder's signatures in tokens, in ascending order
 * @param signatures signatures of the model file, by name
 * @param options options of the default search
 * @param defaultLimit limit of the length of a translation
 * @param sourceTokenizer name of the source tokenizer's folder
 * @param targetTokenizer name of the target tokenizer's folder
 * @param digests SHA-256 digests of the files, by name
 */
public record Manifest(
    String file,
    List<Integer> lengths,
    Map<String, Signature> signatures,
    Search.Options options,
    LengthLimit defaultLimit,
    String sourceTokenizer,
    String targetTokenizer,
    Map<String, String> digests) {

  /**
   * A function of the model.
   *
   * @param inputs shapes of its inputs, by name
   * @param outputs shapes of its outputs, by name
   */
  public record Signature(Map<String, List<Integer>> inputs, Map<String, List<Integer>> outputs) {}

  /**
   * A limit that grows with the source.
   *
   * @param factor tokens of the translation for each token of the source, from 0 to 10
   * @param constant tokens of the translation besides these, from 1 to 1000
   */
  public record LengthLimit(int factor, int constant) {
    private static final int MOST_FACTOR = 10;
    private static final int MOST_CONSTANT = 1000;

    /** The limit of exports from before the manifest had it. */
    static final LengthLimit UNRECORDED = new LengthLimit(3, 20);

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public LengthLimit {
      if (factor < 0 || factor > MOST_FACTOR || constant < 1 || constant > MOST_CONSTANT) {
        throw new IllegalArgumentException(
            "A limit has a factor from 0 to "
                + MOST_FACTOR
                + " and a constant from 1 to "
                + MOST_CONSTANT
                + ". Received: factor="
                + factor
                + ", constant="
                + constant);
      }
    }

    /**
     * Returns the longest translation in tokens, end mark included.
     *
     * @param sourceLength tokens of the source, end mark included
     */
    public int tokens(int sourceLength) {
      return factor * sourceLength + constant;
    }
  }

  private static final String NAME = "manifest.json";
  private static final String FORMAT = "keras-s2s export";
  private static final double VERSION = 1;
  private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*");

  /**
   * Reads the manifest of an export.
   *
   * @param folder the folder of the export
   * @return the manifest
   * @throws ExportException if it is missing, damaged, or of another kind of export
   */
  public static Manifest read(Folder folder) throws ExportException {
    Json json = Json.read(folder, NAME);
    if (!json.get("format").is(FORMAT)) {
      throw new ExportException(NAME + " is of no keras-s2s export.");
    }
    if (!json.get("format_version").is(VERSION)) {
      throw new ExportException(
          "The export is of format version "
              + json.get("format_version").whole()
              + "; this client reads "
              + (int) VERSION
              + ".");
    }
    if (!json.get("kind").is("litert")) {
      throw new ExportException(
          "The export is for " + json.get("kind").string() + "; export it with --format litert.");
    }
    Manifest manifest =
        new Manifest(
            json.get("file").string(),
            json.get("lengths").wholes(),
            signatures(json.get("signatures")),
            options(json.get("options")),
            limit(json),
            json.get("tokenizers").get("source").string(),
            json.get("tokenizers").get("target").string(),
            digests(json.get("sha256")));
    if (!manifest.isSound() || !areKnown(json.get("special_ids"))) throw json.damaged();
    return manifest;
  }

  /** Longest source in tokens, end mark included. */
  public int longest() {
    return lengths.get(lengths.size() - 1);
  }

  /** Size V of the target vocabulary. */
  public int vocabularySize() {
    List<Integer> shape = signatures.get("decode_step").outputs().get("logits");
    return shape.get(shape.size() - 1);
  }

  /** Whether the model returns attention weights. */
  public boolean hasAttention() {
    return signatures.get("decode_step").outputs().containsKey("attention");
  }

  /**
   * Returns the length, padding included, of the shortest signature that encodes a sentence.
   *
   * @param count number of tokens of the sentence, at most {@link #longest}
   */
  public int room(int count) {
    return lengths.stream().filter(length -> length >= count).findFirst().orElseThrow();
  }

  /** Returns the name of the encoder's signature of a length, which is one of {@link #lengths}. */
  public String encodeSignature(int room) {
    return room == longest() ? "encode" : "encode_" + room;
  }

  /** Returns a view of the folder that verifies the SHA-256 of every file it reads. */
  Folder checked(Folder folder) {
    return name -> {
      String expected = digests.get(name);
      if (expected == null) throw new ExportException(NAME + " does not list " + name + ".");
      byte[] bytes = Json.bytes(folder, name);
      if (!digest(bytes).equals(expected)) {
        throw new ExportException(name + " is damaged: its SHA-256 differs.");
      }
      return bytes;
    };
  }

  private boolean isSound() {
    return areLengths(lengths)
        && lengths.stream().allMatch(length -> gives(encodeSignature(length), "state"))
        && gives("decode_step", "logits")
        && gives("decode_step", "next_state")
        && (options.coveragePenalty() == 0 || hasAttention())
        && Stream.of(file, sourceTokenizer, targetTokenizer)
            .allMatch(name -> PLAIN_NAME.matcher(name).matches());
  }

  private boolean gives(String signature, String output) {
    return signatures.containsKey(signature)
        && signatures.get(signature).outputs().containsKey(output);
  }

  private static boolean areLengths(List<Integer> lengths) {
    int last = 0;
    for (int length : lengths) {
      if (length <= last) return false;
      last = length;
    }
    return last > 0;
  }

  private static boolean areKnown(Json ids) {
    return ids.get("pad").is((double) Tokenizer.PAD)
        && ids.get("unk").is((double) Tokenizer.UNKNOWN)
        && ids.get("start").is((double) Tokenizer.START)
        && ids.get("end").is((double) Tokenizer.END);
  }

  private static Map<String, Signature> signatures(Json json) throws ExportException {
    Map<String, Signature> signatures = new HashMap<>();
    for (Map.Entry<String, Json> one : json.object().entrySet()) {
      Json inputs = one.getValue().get("inputs");
      Json outputs = one.getValue().get("outputs");
      signatures.put(one.getKey(), new Signature(shapes(inputs), shapes(outputs)));
    }
    return signatures;
  }

  private static Map<String, List<Integer>> shapes(Json json) throws ExportException {
    Map<String, List<Integer>> shapes = new HashMap<>();
    for (Map.Entry<String, Json> one : json.object().entrySet()) {
      List<Integer> shape = one.getValue().get("shape").wholes();
      if (shape.isEmpty() || Collections.min(shape) < 1) throw json.damaged();
      shapes.put(one.getKey(), shape);
    }
    return shapes;
  }

  private static Search.Options options(Json json) throws ExportException {
    try {
      return new Search.Options(
          json.get("beam_size").whole(),
          json.get("length_penalty").number(),
          json.get("coverage_penalty").number());
    } catch (IllegalArgumentException error) {
      throw json.damaged();
    }
  }

  private static LengthLimit limit(Json manifest) throws ExportException {
    if (!manifest.has("default_limit")) return LengthLimit.UNRECORDED;
    Json json = manifest.get("default_limit");
    try {
      return new LengthLimit(json.get("factor").whole(), json.get("constant").whole());
    } catch (IllegalArgumentException error) {
      throw json.damaged();
    }
  }

  private static Map<String, String> digests(Json json) throws ExportException {
    Map<String, String> digests = new HashMap<>();
    for (Map.Entry<String, Json> one : json.object().entrySet()) {
      digests.put(one.getKey(), one.getValue().string());
    }
    return digests;
  }

  private static String digest(byte[] bytes) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return String.format(Locale.ROOT, "%064x", new BigInteger(1, digest));
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException("Every Java has SHA-256.", error);
    }
  }
}
