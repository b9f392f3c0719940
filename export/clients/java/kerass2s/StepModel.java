package kerass2s;

import java.util.Map;

/** The two functions of an exported model, for one sentence at a time, by whatever runs it. */
public interface StepModel extends AutoCloseable {
  /**
   * Reads a sentence.
   *
   * @param ids S source ids, end mark included
   * @return what was found of it
   */
  Encoded encode(int[] ids);

  /**
   * Continues an answer by a token.
   *
   * @param encoded what {@link #encode} found of the sentence
   * @param token the token before, at first the start mark
   * @param state behind the token before, at first that of {@code encoded}
   * @return what the model says of the next token
   */
  Step decodeStep(Encoded encoded, int token, float[] state);

  /** Frees what the model holds; by default nothing. */
  @Override
  default void close() {}

  /**
   * A sentence that was read.
   *
   * @param length S, its tokens, end mark included
   * @param state before the first token of an answer
   * @param memory what each step looks at, by the name of the step's input
   */
  record Encoded(int length, float[] state, Map<String, float[]> memory) {}

  /**
   * What a model says of the next token.
   *
   * @param logits V numbers
   * @param state for the step after
   * @param attention S weights; null without attention
   */
  record Step(float[] logits, float[] state, float[] attention) {}

  /** Makes the model of an export. */
  @FunctionalInterface
  interface Factory {
    /**
     * Makes a model.
     *
     * @param manifest of the export
     * @param file the bytes of the model's file, checked
     * @return the model
     * @throws RuntimeException if the file can't be run
     */
    StepModel make(Manifest manifest, byte[] file);
  }
}
