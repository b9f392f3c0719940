package kerass2s;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Subwords: the most probable segmentation of a sentence into pieces (Kudo 2018, section 3.2). */
public final class SentencePieceTokenizer extends Tokenizer {
  // SentencePiece uses U+2581 for a space, and U+2585 for text that it skips in training. In text,
  // both are escaped by control characters, which normalized text does not contain.
  private static final char BLANK = '\u2581';
  private static final char ESCAPED_BLANK = '\u0002';
  private static final char LEFT_OUT = '\u2585';
  private static final char ESCAPED_LEFT_OUT = '\u0003';

  // The score of an unknown character is this much below that of the worst piece.
  private static final float UNKNOWN_PENALTY = 10;

  private final float[] scores;
  private final float unknownScore;

  // Ids of the pieces; UNKNOWN for a proper prefix of a piece.
  private final Map<String, Integer> beginnings = new HashMap<>();

  /**
   * Creates the tokenizer of a vocabulary.
   *
   * @param normalization normalization of text before it is segmented
   * @param pieces the pieces of all ids, as spelled in the model file
   * @param scores the scores of all pieces: approximately their log-probabilities
   */
  public SentencePieceTokenizer(Normalization normalization, List<String> pieces, float[] scores) {
    super(normalization, pieces, enclosedIn(pieces));
    this.scores = scores;
    float worst = Float.POSITIVE_INFINITY;
    for (int id = END + 1; id < scores.length; id++) {
      String piece = pieces.get(id);
      for (int end = 1; end < piece.length(); end++) {
        beginnings.putIfAbsent(piece.substring(0, end), UNKNOWN);
      }
      beginnings.put(piece, id);
      worst = Math.min(worst, scores[id]);
    }
    unknownScore = worst - UNKNOWN_PENALTY;
  }

  /** Reads {@code pieces.json}, whose scores are in units of 1/256. */
  static SentencePieceTokenizer of(Normalization normalization, Json vocabulary)
      throws ExportException {
    List<String> pieces = vocabulary.get("pieces").strings();
    List<Json> numbers = vocabulary.get("scores").list();
    if (pieces.size() != numbers.size()) throw vocabulary.damaged();
    float[] scores = new float[numbers.size()];
    for (int id = 0; id < scores.length; id++) {
      scores[id] = (float) (numbers.get(id).number() / 256);
    }
    return new SentencePieceTokenizer(normalization, pieces, scores);
  }

  @Override
  int[] idsOf(String text) {
    if (text.isEmpty()) return new int[0];
    String enclosed = replaceProtected(text, symbol -> OPENING + symbol + CLOSING);
    return new Lattice(BLANK + escape(enclosed).replace(' ', BLANK)).bestIds();
  }

  @Override
  String join(List<String> pieces) {
    return unescape(String.join("", pieces).replace(BLANK, ' '));
  }

  @Override
  String readable(String piece) {
    return unescape(piece);
  }

  private static List<String> enclosedIn(List<String> pieces) {
    return pieces.stream()
        .filter(piece -> piece.indexOf(OPENING) == 0)
        .map(SentencePieceTokenizer::unescape)
        .collect(Collectors.toList());
  }

  private static String escape(String text) {
    return text.replace(BLANK, ESCAPED_BLANK).replace(LEFT_OUT, ESCAPED_LEFT_OUT);
  }

  private static String unescape(String text) {
    String plain = text.replace(ESCAPED_BLANK, BLANK).replace(ESCAPED_LEFT_OUT, LEFT_OUT);
    return plain.replace(String.valueOf(OPENING), "").replace(String.valueOf(CLOSING), "");
  }

  /**
   * The Viterbi algorithm: the best segmentation up to each position of a line; of equal ones,
   * that whose last piece starts first. Sums are in float32, as in SentencePiece: exact up to 2^16,
   * which is about 6,000 pieces.
   */
  private final class Lattice {
    private final String line;
    private final float[] sums; // Score of the best segmentation up to each position.
    private final int[] starts; // Start of its last piece; -1 if there is no segmentation.
    private final int[] lastIds; // Id of its last piece.

    Lattice(String line) {
      this.line = line;
      sums = new float[line.length() + 1];
      starts = new int[line.length() + 1];
      lastIds = new int[line.length() + 1];
      Arrays.fill(starts, -1);
      for (int start = 0; start < line.length(); ) start = leave(start);
    }

    int[] bestIds() {
      int[] ids = new int[line.length()];
      int first = ids.length;
      for (int end = line.length(); end > 0; end = starts[end]) {
        boolean goesOn = first < ids.length && ids[first] == UNKNOWN && lastIds[end] == UNKNOWN;
        if (!goesOn) ids[--first] = lastIds[end]; // A run of unknown characters is one id.
      }
      return Arrays.copyOfRange(ids, first, ids.length);
    }

    /** Adds the pieces that start at a position; returns the position of the next character. */
    private int leave(int start) {
      int next = line.offsetByCodePoints(start, 1);
      boolean isKnown = false;
      for (int end = start + 1; end <= line.length(); end++) {
        Integer id = beginnings.get(line.substring(start, end));
        if (id == null) break;
        if (id == UNKNOWN) continue;
        arrive(start, end, id, scores[id]);
        isKnown |= end == next;
      }
      if (!isKnown) arrive(start, next, UNKNOWN, unknownScore);
      return next;
    }

    private void arrive(int start, int end, int id, float score) {
      float sum = sums[start] + score;
      if (starts[end] >= 0 && sum <= sums[end]) return;
      sums[end] = sum;
      starts[end] = start;
      lastIds[end] = id;
    }
  }
}
