package kerass2s;

import java.util.List;
import java.util.stream.Collectors;

/** One id for each code point. */
public final class CharacterTokenizer extends SymbolTokenizer {
  /** Creates the tokenizer of a list of characters, whose ids start at 4. */
  public CharacterTokenizer(
      Normalization normalization, List<String> symbols, List<String> protectedSymbols) {
    super(normalization, symbols, protectedSymbols);
  }

  @Override
  List<String> split(String text) {
    return text.codePoints()
        .mapToObj(character -> new String(Character.toChars(character)))
        .collect(Collectors.toList());
  }

  @Override
  String join(List<String> characters) {
    return String.join("", characters);
  }
}
