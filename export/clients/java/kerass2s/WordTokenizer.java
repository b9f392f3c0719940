package kerass2s;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** One id for each word between spaces; punctuation is split off if the export says so. */
public final class WordTokenizer extends SymbolTokenizer {
  // Punctuation of ASCII and of other scripts, as listed in `keras_s2s/text/words.py`.
  private static final String PUNCTUATION =
      "[!-/:-@\\[-`\\{-~\\u00a1\\u00a7\\u00ab\\u00b6\\u00b7\\u00bb\\u00bf"
          + "\\u055a-\\u055f\\u0589\\u058a" // Armenian
          + "\\u05be\\u05c0\\u05c3\\u05c6\\u05f3\\u05f4" // Hebrew
          + "\\u060c\\u061b\\u061e\\u061f\\u066a-\\u066d\\u06d4" // Arabic
          + "\\u0964\\u0965" // the dandas of India
          + "\\u2010-\\u2027\\u2030-\\u205e" // dashes, quotation marks, ellipsis
          + "\\u3001-\\u3003\\u3008-\\u3011\\u3014-\\u301f\\u30fb" // Chinese and Japanese
          + "\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65]"; // full and half width

  private record Rule(Pattern pattern, String replacement) {
    Rule(String pattern, String replacement) {
      this(Pattern.compile(pattern), replacement);
    }

    String apply(String text) {
      return pattern.matcher(text).replaceAll(replacement);
    }
  }

  private static final List<Rule> SPLIT_RULES =
      List.of(
          new Rule("(" + PUNCTUATION + ")", JOINER + "$1" + JOINER),
          new Rule(JOINER + "? " + JOINER + "?", " "),
          new Rule("^" + JOINER + "|" + JOINER + "$", ""),
          new Rule(JOINER + "+", "" + JOINER),
          new Rule(JOINER + "(" + PUNCTUATION + ")", " " + JOINER + "$1"),
          new Rule("([^ ])" + JOINER, "$1" + JOINER + " "));
  private static final List<Rule> SYMBOL_RULES =
      List.of(
          new Rule("" + OPENING, "" + CLOSING + OPENING + CLOSING),
          new Rule(CLOSING + "? " + CLOSING + "?", " "),
          new Rule("^" + CLOSING + "|" + CLOSING + "$", ""),
          new Rule(CLOSING + "+", " " + JOINER + " "));
  private static final Rule JOIN_RULE =
      new Rule(" ?" + JOINER + " " + JOINER + "?| " + JOINER, "");

  private final boolean splitPunctuation;

  /** Creates the tokenizer of a list of words, whose ids start at 4. */
  public WordTokenizer(
      Normalization normalization,
      List<String> symbols,
      boolean splitPunctuation,
      List<String> protectedSymbols) {
    super(normalization, symbols, protectedSymbols);
    this.splitPunctuation = splitPunctuation;
  }

  @Override
  List<String> split(String text) {
    String words = text;
    if (splitPunctuation) {
      for (Rule rule : SPLIT_RULES) words = rule.apply(words);
    }
    for (Rule rule : SYMBOL_RULES) words = rule.apply(words);
    return Arrays.stream(words.split(" "))
        .filter(word -> !word.isEmpty())
        .collect(Collectors.toList());
  }

  @Override
  String join(List<String> words) {
    return JOIN_RULE.apply(String.join(" ", words));
  }
}
