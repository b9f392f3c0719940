package kerass2s;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.tensorflow.lite.Interpreter;

/**
 * Answers by the Java client: {@code java kerass2s.Translate EXPORT BEAM SERVER... < TEXTS}.
 *
 * <p>SERVER is the command that starts {@code step_server.py} for EXPORT. TEXTS is a JSON list of
 * strings; what is printed has for each of them the source's ids, the answer's ids, text and
 * attention, and the texts that were heard as it grew.
 */
final class Translate {
  private Translate() {}

  public static void main(String[] arguments) throws IOException {
    Interpreter.server = Arrays.asList(arguments).subList(2, arguments.length);
    int beamSize = Integer.parseInt(arguments[1]);
    List<Object> answers = new ArrayList<>();
    try (Translator translator =
        Translator.open(Folder.of(Path.of(arguments[0])), LiteRtStepModel::new)) {
      for (String text : Json.parse("TEXTS", System.in.readAllBytes()).strings()) {
        List<String> heard = new ArrayList<>();
        Translation answer =
            translator.translate(text, beamSize, beginning -> heard.add(beginning.text()));
        answers.add(
            Map.of(
                "source_ids", translator.source().encode(text),
                "ids", answer.ids(),
                "text", answer.text(),
                "attention", answer.attention(),
                "heard", heard));
      }
    }
    System.out.println(AsciiJson.write(answers));
  }
}
