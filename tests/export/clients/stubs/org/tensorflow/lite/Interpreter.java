package org.tensorflow.lite;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A stand-in for LiteRT's Interpreter for Android: what {@code LiteRtStepModel} calls of it, with
 * the same demands on what is given. {@code step_server.py} runs the model.
 */
public final class Interpreter implements AutoCloseable {
  /** The command that starts {@code step_server.py} for the export that the model is of. */
  public static List<String> server;

  private final Process process;
  private final BufferedReader answers;
  private final PrintStream requests;

  public Interpreter(ByteBuffer model) {
    if (!model.isDirect() || model.order() != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException("The model must be a direct buffer in native order.");
    }
    try {
      process = new ProcessBuilder(server).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    } catch (IOException error) {
      throw new IllegalArgumentException(error);
    }
    answers =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
    requests = new PrintStream(process.getOutputStream(), true, StandardCharsets.US_ASCII);
  }

  /** Inputs and outputs are heap buffers of as many numbers as the tensors of these names. */
  public void runSignature(
      Map<String, Object> inputs, Map<String, Object> outputs, String signatureKey) {
    StringBuilder request = new StringBuilder(signatureKey);
    inputs.forEach((name, input) -> request.append(" " + name + " " + text(input)));
    requests.println(request);
    String[] answer = answer().split(" ");
    Map<String, ByteBuffer> found = new HashMap<>();
    for (int place = 0; place < answer.length; place += 2) {
      byte[] bytes = Base64.getDecoder().decode(answer[place + 1]);
      found.put(answer[place], ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    }
    outputs.forEach((name, output) -> ((FloatBuffer) output).put(found.get(name).asFloatBuffer()));
  }

  @Override
  public void close() {
    requests.close();
  }

  private String answer() {
    try {
      String answer = answers.readLine();
      if (answer == null) throw new IllegalArgumentException("The model can't be run.");
      return answer;
    } catch (IOException error) {
      throw new IllegalArgumentException(error);
    }
  }

  private static String text(Object input) {
    ByteBuffer bytes =
        ByteBuffer.allocate(4 * ((Buffer) input).capacity()).order(ByteOrder.LITTLE_ENDIAN);
    if (input instanceof IntBuffer whole) bytes.asIntBuffer().put(whole);
    if (input instanceof FloatBuffer numbers) bytes.asFloatBuffer().put(numbers);
    return Base64.getEncoder().encodeToString(bytes.array());
  }
}
