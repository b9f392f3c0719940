package kerass2s;

import java.util.ArrayList;
import java.util.List;

/**
 * Text to ids and back, as the tokenizer that an export was made with does it: subwords by
 * SentencePiece's unigram model, words, or characters.
 */
public abstract class Tokenizer {
  /** The id behind the end of a text that is shorter than others. */
  public static final int PAD = 0;

  /** The id of what the vocabulary lacks. */
  public static final int UNKNOWN = 1;

  /** The id that the decoder starts with. */
  public static final int START = 2;

  /** The id that ends a sentence. */
  public static final int END = 3;

  static final List<String> SPECIAL_PIECES = List.of("<pad>", "<unk>", "<s>", "</s>");
  private static final String UNKNOWN_TEXT = "\u2047";

  private final Normalization normalization;
  private final List<String> symbols;

  /** For the symbols of all ids, the special ones included. */
  Tokenizer(Normalization normalization, List<String> symbols) {
    this.normalization = normalization;
    this.symbols = symbols;
  }

  /**
   * Makes the tokenizer that an export describes.
   *
   * @param folder the tokenizer's own, with {@code tokenizer.json}
   * @return the tokenizer
   * @throws ExportException if the description is missing, damaged, or of none that is known
   */
  public static Tokenizer open(Folder folder) throws ExportException {
    Json settings = Json.read(folder, "tokenizer.json");
    Normalization normalization;
    try {
      normalization = Normalization.valueOf(settings.get("normalization").string());
    } catch (IllegalArgumentException error) {
      throw unknown(settings.get("normalization"));
    }
    Tokenizer tokenizer =
        switch (settings.get("class").string()) {
          case "WordTokenizer" ->
              new WordTokenizer(
                  normalization,
                  settings.get("symbols").strings(),
                  settings.get("split_punctuation").bool());
          case "CharacterTokenizer" ->
              new CharacterTokenizer(normalization, settings.get("symbols").strings());
          case "SentencePieceTokenizer" ->
              SentencePieceTokenizer.of(normalization, Json.read(folder, "pieces.json"));
          default -> throw unknown(settings.get("class"));
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
    return idsOf(normalization.normalize(text));
  }

  /**
   * Returns the text of ids, in NFC; special ids but the unknown one are left out.
   *
   * @throws IndexOutOfBoundsException if an id is outside of the vocabulary
   */
  public final String decode(int[] ids) {
    List<String> found = new ArrayList<>();
    for (int id : ids) {
      if (id == UNKNOWN) found.add(UNKNOWN_TEXT);
      if (id > END) found.add(symbols.get(id));
    }
    return Normalization.NFC.normalize(join(found));
  }

  /**
   * Returns what each id stands for, to be read by people.
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

  /** What a symbol looks like to people. */
  abstract String readable(String symbol);

  private static ExportException unknown(Json name) throws ExportException {
    return new ExportException("This client knows no tokenizer of kind " + name.string() + ".");
  }
}
