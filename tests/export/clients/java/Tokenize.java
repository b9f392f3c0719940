package kerass2s;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Ids and texts by the Java client's tokenizers: {@code java kerass2s.Tokenize FOLDER < TEXTS}.
 *
 * <p>TEXTS is a JSON list of strings; what is printed has for each of them its ids, the text that
 * these decode to, and their pieces.
 */
final class Tokenize {
  private Tokenize() {}

  public static void main(String[] arguments) throws IOException {
    Tokenizer tokenizer = Tokenizer.open(Folder.of(Path.of(arguments[0])));
    List<Object> results = new ArrayList<>();
    for (String text : Json.parse("TEXTS", System.in.readAllBytes()).strings()) {
      int[] ids = tokenizer.encode(text);
      results.add(
          Map.of("ids", ids, "text", tokenizer.decode(ids), "pieces", tokenizer.pieces(ids)));
    }
    System.out.println(AsciiJson.write(results));
  }
}
