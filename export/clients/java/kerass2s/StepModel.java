package kerass2s;

import java.util.Map;

/** The two functions of an exported model, for one sentence at a time, in any runtime. */
public interface StepModel extends AutoCloseable {
  /**
   * Encodes a sentence.
   *
   * @param ids S source ids, end mark included
   * @return the encoded sentence
   */
  Encoded encode(int[] ids);

  /**
   * Computes one decoding step.
   *
   * @param encoded the sentence, from {@link #encode}
   * @param token the previous token, at first the start mark
   * @param state the state from the previous step, at first that of {@code encoded}
   * @return the outputs for the next token
   */
  Step decodeStep(Encoded encoded, int token, float[] state);

  /** Frees the resources of the model; by default there are none. */
  @Override
  default void close() {}

  /**
   * An encoded sentence.
   *
   * @param length number S of its tokens, end mark included
   * @param state initial state of the decoder
   * @param memory inputs that are the same at every step, by name: memory and keys
   */
  record Encoded(int length, float[] state, Map<String, float[]> memory) {}

  /**
   * The outputs of one decoding step.
   *
   * @param logits V logits of the next token
   * @param state state for the next step
   * @param attention S attention weights; null without attention
   */
  record Step(float[] logits, float[] state, float[] attention) {}

  /** Creates the model of an export. */
  @FunctionalInterface
  interface Factory {
    /**
     * Creates a model.
     *
     * @param manifest the manifest of the export
     * @param file the content of the model file, verified
     * @return the model
     * @throws RuntimeException if the file can't be run
     */
    StepModel make(Manifest manifest, byte[] file);
  }
}
