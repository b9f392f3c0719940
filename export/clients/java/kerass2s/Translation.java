package kerass2s;

import java.util.List;

/**
 * A translation, complete or partial.
 *
 * @param text the translation
 * @param ids its T ids, with the end mark unless it is partial or was cut off at the limit
 * @param pieces its T tokens as text
 * @param sourcePieces the S tokens that the encoder read, end mark included
 * @param attention T rows of S attention weights; no rows if the model has no attention
 * @param score the score that the search ranks hypotheses by
 */
public record Translation(
    String text,
    int[] ids,
    List<String> pieces,
    List<String> sourcePieces,
    float[][] attention,
    double score) {}
