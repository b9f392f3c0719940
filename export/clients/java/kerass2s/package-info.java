/**
 * Texts to texts by an export of keras-s2s for LiteRT: {@link kerass2s.Translator} opens one.
 *
 * <p>Plain Java without dependencies: the tokenizers and the search of the library again. What runs
 * the model is a {@link kerass2s.StepModel}; {@code LiteRtStepModel.java} is the one for Android.
 */
package kerass2s;
