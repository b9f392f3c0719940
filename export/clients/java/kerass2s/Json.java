package kerass2s;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A value in a JSON file, or a missing one. Reading it as a type that it does not have throws an
 * {@link ExportException}, which says that the file is damaged.
 */
final class Json {
  private final String file;
  private final Object value; // Map, List, String, Double or Boolean; null if missing.

  private Json(String file, Object value) {
    this.file = file;
    this.value = value;
  }

  /** Reads and parses a JSON file. */
  static Json read(Folder folder, String name) throws ExportException {
    return parse(name, bytes(folder, name));
  }

  /** Reads a file of any kind. */
  static byte[] bytes(Folder folder, String name) throws ExportException {
    try {
      return folder.read(name);
    } catch (ExportException error) {
      throw error;
    } catch (IOException error) {
      throw new ExportException(name + " is missing or can't be read.", error);
    }
  }

  /** Parses the content of a JSON file. */
  static Json parse(String file, byte[] bytes) throws ExportException {
    Json json = new Json(file, null);
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return json.with(json.new Parser(text).all());
    } catch (CharacterCodingException error) {
      throw json.damaged();
    }
  }

  /** The member of this name; a missing value if there is none, or if this is no object. */
  Json get(String name) {
    return with(value instanceof Map<?, ?> found ? found.get(name) : null);
  }

  /** Whether this is an object with a member of this name, which may be null. */
  boolean has(String name) {
    return value instanceof Map<?, ?> found && found.containsKey(name);
  }

  boolean is(Object other) {
    return other.equals(value);
  }

  String string() throws ExportException {
    if (value instanceof String found) return found;
    throw damaged();
  }

  boolean bool() throws ExportException {
    if (value instanceof Boolean found) return found;
    throw damaged();
  }

  double number() throws ExportException {
    if (value instanceof Double found) return found;
    throw damaged();
  }

  int whole() throws ExportException {
    int whole = (int) number();
    if (whole == number()) return whole;
    throw damaged();
  }

  List<Json> list() throws ExportException {
    if (!(value instanceof List<?> found)) throw damaged();
    List<Json> list = new ArrayList<>(found.size());
    for (Object one : found) list.add(with(one));
    return list;
  }

  List<String> strings() throws ExportException {
    List<String> strings = new ArrayList<>();
    for (Json one : list()) strings.add(one.string());
    return strings;
  }

  List<Integer> wholes() throws ExportException {
    List<Integer> wholes = new ArrayList<>();
    for (Json one : list()) wholes.add(one.whole());
    return wholes;
  }

  Map<String, Json> object() throws ExportException {
    if (!(value instanceof Map<?, ?> found)) throw damaged();
    Map<String, Json> object = new LinkedHashMap<>();
    for (Object name : found.keySet()) object.put((String) name, get((String) name));
    return object;
  }

  ExportException damaged() {
    return new ExportException(file + " is damaged.");
  }

  private Json with(Object other) {
    return new Json(file, other);
  }

  /** A recursive descent parser for RFC 8259; exports are nested less deeply than its limit. */
  private final class Parser {
    private static final int DEEPEST = 64;
    private static final Pattern NUMBER =
        Pattern.compile("-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?");

    private final String text;
    private int place;

    Parser(String text) {
      this.text = text;
    }

    Object all() throws ExportException {
      Object found = value(0);
      peek();
      if (place != text.length()) throw damaged();
      return found;
    }

    private Object value(int depth) throws ExportException {
      if (depth > DEEPEST) throw damaged();
      return switch (peek()) {
        case '{' -> object(depth);
        case '[' -> list(depth);
        case '"' -> string();
        case 't' -> word("true", true);
        case 'f' -> word("false", false);
        case 'n' -> word("null", null);
        default -> number();
      };
    }

    private Map<String, Object> object(int depth) throws ExportException {
      Map<String, Object> object = new LinkedHashMap<>();
      take('{');
      while (peek() != '}') {
        if (!object.isEmpty()) take(',');
        String name = string();
        take(':');
        object.put(name, value(depth + 1));
      }
      take('}');
      return object;
    }

    private List<Object> list(int depth) throws ExportException {
      List<Object> list = new ArrayList<>();
      take('[');
      while (peek() != ']') {
        if (!list.isEmpty()) take(',');
        list.add(value(depth + 1));
      }
      take(']');
      return list;
    }

    private String string() throws ExportException {
      take('"');
      StringBuilder string = new StringBuilder();
      for (char next = next(); next != '"'; next = next()) {
        if (next < ' ') throw damaged();
        string.append(next == '\\' ? escaped() : next);
      }
      return string.toString();
    }

    private char escaped() throws ExportException {
      char next = next();
      return switch (next) {
        case '"', '\\', '/' -> next;
        case 'b' -> '\b';
        case 'f' -> '\f';
        case 'n' -> '\n';
        case 'r' -> '\r';
        case 't' -> '\t';
        case 'u' -> (char) (hex() << 12 | hex() << 8 | hex() << 4 | hex());
        default -> throw damaged();
      };
    }

    private int hex() throws ExportException {
      int digit = "0123456789abcdef0123456789ABCDEF".indexOf(next());
      if (digit < 0) throw damaged();
      return digit % 16;
    }

    private Object word(String word, Object meaning) throws ExportException {
      if (!text.startsWith(word, place)) throw damaged();
      place += word.length();
      return meaning;
    }

    private Double number() throws ExportException {
      Matcher number = NUMBER.matcher(text).region(place, text.length());
      if (!number.lookingAt()) throw damaged();
      place = number.end();
      return Double.valueOf(number.group());
    }

    /** Skips white space and returns the next character without consuming it; 0 at the end. */
    private char peek() {
      while (place < text.length() && " \t\n\r".indexOf(text.charAt(place)) >= 0) place++;
      return place < text.length() ? text.charAt(place) : 0;
    }

    private void take(char wanted) throws ExportException {
      if (peek() != wanted) throw damaged();
      place++;
    }

    private char next() throws ExportException {
      if (place == text.length()) throw damaged();
      return text.charAt(place++);
    }
  }
}
