/**
 * Translates texts with a LiteRT export of keras-s2s: {@link kerass2s.Translator} opens one.
 *
 * <p>Plain Java without dependencies: tokenizers and search with the results of the Python library.
 * A {@link kerass2s.StepModel} runs the model; {@code LiteRtStepModel.java} is the one for Android.
 */
package kerass2s;
