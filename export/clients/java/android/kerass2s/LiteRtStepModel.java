package kerass2s;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.tensorflow.lite.Interpreter;

/**
 * Runs a model with LiteRT's Interpreter for Android, {@code com.google.ai.edge.litert:litert} 1.x.
 *
 * <p>The tests compile it against a stub of that library, which runs the models with LiteRT for
 * Python. It has not been run on a phone.
 */
public final class LiteRtStepModel implements StepModel {
  private final Manifest manifest;
  private final Interpreter interpreter;

  /**
   * Loads a model.
   *
   * @param manifest the manifest of the export
   * @param file the content of the model file
   * @throws IllegalArgumentException if LiteRT can't read it
   */
  public LiteRtStepModel(Manifest manifest, byte[] file) {
    this.manifest = manifest;
    ByteBuffer model = ByteBuffer.allocateDirect(file.length).order(ByteOrder.nativeOrder());
    model.put(file);
    model.rewind();
    interpreter = new Interpreter(model);
  }

  @Override
  public Encoded encode(int[] ids) {
    int room = manifest.room(ids.length);
    Map<String, Object> inputs = new HashMap<>();
    inputs.put("tokens", IntBuffer.wrap(Arrays.copyOf(ids, room)));
    inputs.put("length", whole(ids.length));
    Map<String, float[]> found = run(manifest.encodeSignature(room), inputs);
    return new Encoded(ids.length, found.remove("state"), found);
  }

  @Override
  public Step decodeStep(Encoded encoded, int token, float[] state) {
    Map<String, Object> inputs = new HashMap<>();
    encoded.memory().forEach((name, values) -> inputs.put(name, FloatBuffer.wrap(values)));
    inputs.put("length", whole(encoded.length()));
    inputs.put("token", whole(token));
    inputs.put("state", FloatBuffer.wrap(state));
    Map<String, float[]> found = run("decode_step", inputs);
    float[] attention = found.get("attention");
    return new Step(
        found.get("logits"),
        found.get("next_state"),
        attention == null ? null : Arrays.copyOf(attention, encoded.length()));
  }

  @Override
  public void close() {
    interpreter.close();
  }

  /** Runs a signature of the model with those of the inputs that it takes. */
  private Map<String, float[]> run(String name, Map<String, Object> inputs) {
    Manifest.Signature signature = manifest.signatures().get(name);
    inputs.keySet().retainAll(signature.inputs().keySet());
    Map<String, float[]> found = new HashMap<>();
    Map<String, Object> outputs = new HashMap<>();
    signature.outputs().forEach(
        (output, shape) -> {
          if (output.equals("next_token")) return; // The search uses the logits.
          found.put(output, new float[size(shape)]);
          outputs.put(output, FloatBuffer.wrap(found.get(output)));
        });
    interpreter.runSignature(inputs, outputs, name);
    return found;
  }

  private static IntBuffer whole(int value) {
    return IntBuffer.wrap(new int[] {value});
  }

  private static int size(List<Integer> shape) {
    return shape.stream().mapToInt(Integer::intValue).reduce(1, Math::multiplyExact);
  }
}
