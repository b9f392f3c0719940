package kerass2s;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Base class of the word and character tokenizers: a list of symbols, whose ids start at 4. */
abstract class SymbolTokenizer extends Tokenizer {
  /** Marks a boundary without a space, next to punctuation. */
  static final char JOINER = '\u0001';

  private static final char VISIBLE_JOINER = '\uFFED';

  private final Map<String, Integer> ids = new HashMap<>();

  SymbolTokenizer(
      Normalization normalization, List<String> symbols, List<String> protectedSymbols) {
    super(normalization, withSpecialPieces(symbols), protectedSymbols);
    for (int place = 0; place < symbols.size(); place++) {
      ids.put(symbols.get(place), END + 1 + place);
    }
  }

  /** Splits normalized text, in which OPENING stands for a protected symbol. */
  abstract List<String> split(String text);

  @Override
  final int[] idsOf(String text) {
    Deque<String> found = new ArrayDeque<>();
    String hidden =
        replaceProtected(
            text,
            symbol -> {
              found.add(symbol);
              return String.valueOf(OPENING);
            });
    return split(hidden).stream()
        .map(symbol -> symbol.equals(String.valueOf(OPENING)) ? found.remove() : symbol)
        .mapToInt(symbol -> ids.getOrDefault(symbol, UNKNOWN))
        .toArray();
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
