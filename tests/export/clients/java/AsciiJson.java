package kerass2s;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes JSON in ASCII, so that no console can change it. */
final class AsciiJson {
  private AsciiJson() {}

  static String write(Object value) {
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(one -> write(one.getKey()) + ":" + write(one.getValue()))
          .collect(Collectors.joining(",", "{", "}"));
    }
    if (value instanceof List<?> list) {
      return list.stream().map(AsciiJson::write).collect(Collectors.joining(",", "[", "]"));
    }
    if (value instanceof String text) {
      return text.chars()
          .mapToObj(unit -> isPlain(unit) ? "" + (char) unit : String.format("\\u%04x", unit))
          .collect(Collectors.joining("", "\"", "\""));
    }
    if (value instanceof Double number) return number.toString();
    if (value instanceof Object[] rows) return write(Arrays.asList(rows));
    if (value instanceof int[] numbers) return Arrays.toString(numbers);
    if (value instanceof float[] numbers) return Arrays.toString(numbers);
    throw new IllegalArgumentException("No JSON for " + value);
  }

  private static boolean isPlain(int unit) {
    return unit >= ' ' && unit <= '~' && unit != '"' && unit != '\\';
  }
}
