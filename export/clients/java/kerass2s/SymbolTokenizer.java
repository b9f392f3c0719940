package kerass2s;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Base class of the word and character tokenizers: a list of symbols, whose ids start at 4. */
abstract class SymbolTokenizer extends Tokenizer {
  /** Marks a boundary without a space, next to punctuation. */
  static final char JOINER = '\u0001';

  private static final char VISIBLE_JOINER = '\uFFED';

  private final Map<String, Integer> ids = new HashMap<>();

  SymbolTokenizer(Normalization normalization, List<String> symbols) {
    super(normalization, withSpecialPieces(symbols));
    for (int place = 0; place < symbols.size(); place++) {
      ids.put(symbols.get(place), END + 1 + place);
    }
  }

  /** Splits normalized text into symbols. */
  abstract List<String> split(String text);

  @Override
  final int[] idsOf(String text) {
    return split(text).stream().mapToInt(symbol -> ids.getOrDefault(symbol, UNKNOWN)).toArray();
  }

  @Override
  final String readable(String symbol) {
    return symbol.replace(JOINER, VISIBLE_JOINER);
  }

  private static List<String> withSpecialPieces(List<String> symbols) {
    List<String> all = new ArrayList<>(SPECIAL_PIECES);
    all.addAll(symbols);
    return all;
  }
}
