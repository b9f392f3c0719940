package kerass2s;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Ids and texts by the Java client's tokenizers: {@code java kerass2s.Tokenize FOLDER [TAG] < TEXTS}.
 *
 * <p>TEXTS is a JSON list of strings; what is printed has for each of them its ids, the text that
 * these decode to, and their pieces. With a tag, it is put before every text.
 */
final class Tokenize {
  private Tokenize() {}

  public static void main(String[] arguments) throws IOException {
    Tokenizer tokenizer = Tokenizer.open(Folder.of(Path.of(arguments[0])));
    List<Object> results = new ArrayList<>();
    for (String text : Json.parse("TEXTS", System.in.readAllBytes()).strings()) {
      boolean isTagged = arguments.length > 1;
      int[] ids = tokenizer.encode(isTagged ? tokenizer.withTag(text, arguments[1]) : text);
      results.add(
          Map.of("ids", ids, "text", tokenizer.decode(ids), "pieces", tokenizer.pieces(ids)));
    }
    System.out.println(AsciiJson.write(results));
  }
}
