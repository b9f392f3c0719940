package kerass2s;

import java.text.Normalizer;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Normalization of text before tokenization, by the Unicode forms that an export may name; the same
 * as in {@code keras_s2s/text/normalization.py}.
 */
public enum Normalization {
  /** Canonical composition: loses no information. */
  NFC(Normalizer.Form.NFC),
  /** Compatibility composition: folds compatibility characters. */
  NFKC(Normalizer.Form.NFKC),
  /** Canonical decomposition: separates letters from their marks. */
  NFD(Normalizer.Form.NFD);

  private static final Pattern LONE_SURROGATE = Pattern.compile("\\p{Cs}");

  // The Unicode property White_Space and the control characters; `\s` is another set.
  private static final Pattern SEPARATOR =
      Pattern.compile(
          "[\\u0000-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029"
              + "\\u202F\\u205F\\u3000]+");

  // Characters newer than Unicode 12.1 that normalization would change: they are left unchanged, so
  // that runtimes of all Unicode versions agree.
  private static final String NEWER =
      "[\\u0897-\\u089F\\u08CA-\\u08D2\\u0C3C\\u1715\\u1ABF-\\u1AEB\\u1DFA\\uA7F1-\\uA7F4"
          + "\\uA82C\\uAB69\\x{105C9}-\\x{105E4}\\x{10781}-\\x{107BA}\\x{10D69}-\\x{10D6D}"
          + "\\x{10EAB}\\x{10EAC}\\x{10EFA}-\\x{10EFF}\\x{10F82}-\\x{10F85}\\x{11070}"
          + "\\x{11382}-\\x{113D0}\\x{11930}-\\x{11943}\\x{11F41}\\x{11F42}"
          + "\\x{1611E}-\\x{1612F}\\x{16D63}-\\x{16D6A}\\x{16FF0}\\x{16FF1}"
          + "\\x{1CCD6}-\\x{1CCF9}\\x{1E030}-\\x{1E08F}\\x{1E2AE}\\x{1E4EC}-\\x{1E6F5}"
          + "\\x{1FBF0}-\\x{1FBF9}]+";

  static final Pattern KEPT = keptPattern(List.of());

  private final Normalizer.Form form;

  Normalization(Normalizer.Form form) {
    this.form = form;
  }

  /**
   * Converts text to this form, with single spaces between words and none at the ends.
   *
   * @param text any text; a surrogate without its other half becomes U+FFFD
   * @return the normalized text
   */
  public String normalize(String text) {
    return normalize(text, KEPT);
  }

  /**
   * Converts text to this form, but not what matches a pattern.
   *
   * @param text any text; a surrogate without its other half becomes U+FFFD
   * @param kept what stays unchanged, from {@code keptPattern}
   * @return the normalized text
   */
  String normalize(String text, Pattern kept) {
    String whole = LONE_SURROGATE.matcher(text).replaceAll("\uFFFD");
    StringBuilder normalized = new StringBuilder();
    int end = 0;
    for (Matcher found = kept.matcher(whole); found.find(); end = found.end()) {
      normalized.append(Normalizer.normalize(whole.substring(end, found.start()), form));
      normalized.append(found.group());
    }
    normalized.append(Normalizer.normalize(whole.substring(end), form));
    return SEPARATOR.matcher(normalized).replaceAll(" ").trim();
  }

  /** A pattern that finds symbols; of those that start at one place, the longest. */
  static String patternOf(List<String> symbols) {
    return symbols.stream()
        .sorted(Comparator.comparing(String::length).reversed())
        .map(Pattern::quote)
        .collect(Collectors.joining("|"));
  }

  /** A pattern that finds what normalization leaves unchanged: symbols and newer characters. */
  static Pattern keptPattern(List<String> symbols) {
    return Pattern.compile(symbols.isEmpty() ? NEWER : patternOf(symbols) + "|" + NEWER);
  }
}
