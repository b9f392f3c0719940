package kerass2s;

import java.util.List;

/**
 * An answer to a text, or the beginning of one.
 *
 * @param text the answer
 * @param ids of the answer, with the end mark unless it is a beginning or was cut off
 * @param pieces what the ids stand for
 * @param sourcePieces what the encoder read, end mark included
 * @param attention a row for each id, of as many weights as there are source pieces; none if the
 *     model has no attention
 * @param score what answers are ordered by
 */
public record Translation(
    String text,
    int[] ids,
    List<String> pieces,
    List<String> sourcePieces,
    float[][] attention,
    double score) {}
