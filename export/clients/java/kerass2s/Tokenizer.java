package kerass2s;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Maps text to ids and back, exactly as the tokenizer that was exported: subwords of
 * SentencePiece's unigram model, words, or characters.
 */
public abstract class Tokenizer {
  /** The id of padding. */
  public static final int PAD = 0;

  /** The id of symbols outside the vocabulary. */
  public static final int UNKNOWN = 1;

  /** The id of the start mark, the first input of the decoder. */
  public static final int START = 2;

  /** The id of the end mark. */
  public static final int END = 3;

  static final List<String> SPECIAL_PIECES = List.of("<pad>", "<unk>", "<s>", "</s>");
  private static final String UNKNOWN_TEXT = "\u2047";

  // Protected symbols such as "<2de>" are one token wherever they occur. While words and characters
  // are split, a symbol is OPENING; for SentencePiece, it stands between the two.
  static final char OPENING = '\u0004';
  static final char CLOSING = '\u0005';

  private static final String BLANK = "\u2581"; // A token before a protected symbol, in subwords.

  private final Normalization normalization;
  private final List<String> symbols;
  private final Pattern kept; // What normalization leaves unchanged.
  private final Pattern isProtected; // null without protected symbols.

  /** Creates a tokenizer from the symbols of all ids, the special ones included. */
  Tokenizer(
      Normalization normalization, List<String> symbols, List<String> protectedSymbols) {
    this.normalization = normalization;
    this.symbols = symbols;
    kept = Normalization.keptPattern(protectedSymbols);
    isProtected =
        protectedSymbols.isEmpty()
            ? null
            : Pattern.compile(Normalization.patternOf(protectedSymbols));
  }

  /**
   * Creates the tokenizer that an export describes.
   *
   * @param folder the folder of the tokenizer, with {@code tokenizer.json}
   * @return the tokenizer
   * @throws ExportException if the description is missing, damaged, or of an unknown tokenizer
   */
  public static Tokenizer open(Folder folder) throws ExportException {
    Json settings = Json.read(folder, "tokenizer.json");
    Normalization normalization;
    try {
      normalization = Normalization.valueOf(settings.get("normalization").string());
    } catch (IllegalArgumentException error) {
      throw unknown("normalization", settings.get("normalization"));
    }
    Tokenizer tokenizer =
        switch (settings.get("class").string()) {
          case "WordTokenizer" ->
              new WordTokenizer(
                  normalization,
                  settings.get("symbols").strings(),
                  settings.get("split_punctuation").bool(),
                  protectedSymbols(settings));
          case "CharacterTokenizer" ->
              new CharacterTokenizer(
                  normalization, settings.get("symbols").strings(), protectedSymbols(settings));
          case "SentencePieceTokenizer" ->
              SentencePieceTokenizer.of(normalization, Json.read(folder, "pieces.json"));
          default -> throw unknown("tokenizer", settings.get("class"));
        };
    if (tokenizer.vocabularySize() != settings.get("vocabulary_size").whole()) {
      throw settings.damaged();
    }
    return tokenizer;
  }

  /** The number of ids, the four special ones included. */
  public final int vocabularySize() {
    return symbols.size();
  }

  /** Returns the ids of a text, without start and end marks; none for a blank text. */
  public final int[] encode(String text) {
    return idsOf(normalization.normalize(text, kept));
  }

  /**
   * Puts a tag such as {@code <2de>} before a text, for models of several languages.
   *
   * @param text the text; a blank one stays as it is
   * @param tag one token of this tokenizer
   * @return the text to translate
   * @throws IllegalArgumentException if the tag is not one known token
   */
  public final String withTag(String text, String tag) {
    int[] ids = encode(tag);
    int first = ids.length > 1 && pieces(ids).get(0).equals(BLANK) ? 1 : 0;
    if (ids.length != first + 1 || ids[first] == UNKNOWN) {
      throw new IllegalArgumentException(tag + " is no token of the model.");
    }
    return encode(text).length == 0 ? text : tag + " " + text;
  }

  /**
   * Returns the text of ids, in NFC; special ids except the unknown one are left out.
   *
   * @throws IndexOutOfBoundsException if an id is outside of the vocabulary
   */
  public final String decode(int[] ids) {
    List<String> found = new ArrayList<>();
    for (int id : ids) {
      if (id == UNKNOWN) found.add(UNKNOWN_TEXT);
      if (id > END) found.add(symbols.get(id));
    }
    return Normalization.NFC.normalize(join(found), kept);
  }

  /**
   * Returns the token of each id in readable form.
   *
   * @throws IndexOutOfBoundsException if an id is outside of the vocabulary
   */
  public final List<String> pieces(int[] ids) {
    List<String> pieces = new ArrayList<>(ids.length);
    for (int id : ids) pieces.add(id <= END ? SPECIAL_PIECES.get(id) : readable(symbols.get(id)));
    return pieces;
  }

  /** The ids of normalized text. */
  abstract int[] idsOf(String text);

  /** The text of symbols. */
  abstract String join(List<String> found);

  /** The readable form of a symbol. */
  abstract String readable(String symbol);

  /** Replaces each protected symbol of a text. */
  final String replaceProtected(String text, UnaryOperator<String> replacement) {
    if (isProtected == null) return text;
    StringBuilder replaced = new StringBuilder();
    int end = 0;
    for (Matcher found = isProtected.matcher(text); found.find(); end = found.end()) {
      replaced.append(text, end, found.start()).append(replacement.apply(found.group()));
    }
    return replaced.append(text, end, text.length()).toString();
  }

  private static List<String> protectedSymbols(Json settings) throws ExportException {
    return settings.has("protected") ? settings.get("protected").strings() : List.of();
  }

  private static ExportException unknown(String what, Json name) throws ExportException {
    return new ExportException("This client knows no " + what + " " + name.string() + ".");
  }
}
