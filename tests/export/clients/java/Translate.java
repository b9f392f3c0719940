package kerass2s;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.tensorflow.lite.Interpreter;

/**
 * Answers by the Java client: {@code java kerass2s.Translate EXPORT BEAM SERVER... < TEXTS}.
 *
 * <p>SERVER is the command that starts {@code step_server.py} for EXPORT. TEXTS is a JSON list of
 * strings; what is printed has for each of them the source's ids, the answer's ids, text and
 * attention, and the texts that were heard as it grew. {@code -Dthreads=N} shares the translator
 * among N threads. With {@code -Dconstrained=true} TEXTS are objects with a text, a prefix and
 * constraints.
 */
final class Translate {
  private Translate() {}

  public static void main(String[] arguments)
      throws IOException, InterruptedException, ExecutionException {
    Interpreter.server = Arrays.asList(arguments).subList(2, arguments.length);
    int beamSize = Integer.parseInt(arguments[1]);
    List<Object> answers = new ArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(Integer.getInteger("threads", 1));
    try (Translator translator =
        Translator.open(Folder.of(Path.of(arguments[0])), LiteRtStepModel::new)) {
      List<Callable<Object>> calls = new ArrayList<>();
      Json texts = Json.parse("TEXTS", System.in.readAllBytes());
      if (Boolean.getBoolean("constrained")) {
        for (Json one : texts.list()) calls.add(() -> constrained(translator, one, beamSize));
      } else {
        for (String text : texts.strings()) calls.add(() -> answer(translator, text, beamSize));
      }
      for (Future<Object> found : threads.invokeAll(calls)) {
        answers.add(found.get());
      }
    } finally {
      threads.shutdown();
    }
    System.out.println(AsciiJson.write(answers));
  }

  private static Object constrained(Translator translator, Json one, int beamSize)
      throws IOException {
    Constraints constraints = SearchTables.constraints(one.get("rules"));
    String prefix = one.get("prefix").string();
    Translation answer =
        translator.translate(one.get("text").string(), prefix, beamSize, constraints, partial -> {});
    return Map.of("ids", answer.ids(), "text", answer.text());
  }

  private static Object answer(Translator translator, String text, int beamSize) {
    List<String> heard = new ArrayList<>();
    Translation answer =
        translator.translate(text, beamSize, beginning -> heard.add(beginning.text()));
    return Map.of(
        "source_ids", translator.source().encode(text),
        "ids", answer.ids(),
        "text", answer.text(),
        "attention", answer.attention(),
        "heard", heard);
  }
}
