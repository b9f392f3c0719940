package kerass2s;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the hypotheses of a search must and must not be, as {@code keras_s2s.Constraints}; the rules
 * are those of {@code export/numpy_constraints.py}.
 */
public final class Constraints {
  /** No constraints. */
  public static final Constraints NONE = new Constraints(0, 0, 1, List.of(), Set.of());

  private final int minimumLength;
  private final int noRepeatNgramSize;
  private final double repetitionPenalty;
  private final Set<Integer> boundaries;
  // The last ids of the forbidden sequences, by what comes before them, and the lengths of that.
  private final Map<List<Integer>, List<Integer>> endings = new HashMap<>();
  private final Set<Integer> lengths = new HashSet<>();

  /**
   * Checks and keeps the rules.
   *
   * @param minimumLength shortest hypothesis in tokens, end mark included; 0 for none
   * @param noRepeatNgramSize no sequence of this many tokens occurs twice; 0 for no such limit
   * @param repetitionPenalty multiplies the log-probabilities of tokens that a hypothesis already
   *     has; at least 1
   * @param forbidden sequences of ids that must not occur, as {@code keras_s2s.forbid} makes them
   *     from words
   * @param boundaries ids after which a word may begin
   * @throws IllegalArgumentException if a number is out of range, or a sequence is empty
   */
  public Constraints(
      int minimumLength,
      int noRepeatNgramSize,
      double repetitionPenalty,
      List<List<Integer>> forbidden,
      Set<Integer> boundaries) {
    if (minimumLength < 0 || noRepeatNgramSize < 0) {
      throw new IllegalArgumentException(
          "Lengths must be at least 0. Received: minimumLength="
              + minimumLength
              + ", noRepeatNgramSize="
              + noRepeatNgramSize);
    }
    if (!(repetitionPenalty >= 1 && repetitionPenalty < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "repetitionPenalty must be at least 1 and finite. Received: repetitionPenalty="
              + repetitionPenalty);
    }
    this.minimumLength = minimumLength;
    this.noRepeatNgramSize = noRepeatNgramSize;
    this.repetitionPenalty = repetitionPenalty;
    this.boundaries = Set.copyOf(boundaries);
    for (List<Integer> sequence : forbidden) {
      if (sequence.isEmpty()) {
        throw new IllegalArgumentException("A forbidden sequence must have ids. Received: none");
      }
      List<Integer> beginning = List.copyOf(sequence.subList(0, sequence.size() - 1));
      lengths.add(beginning.size());
      endings
          .computeIfAbsent(beginning, one -> new ArrayList<>())
          .add(sequence.get(sequence.size() - 1));
    }
  }

  /** The shortest hypothesis in tokens, end mark included. */
  public int minimumLength() {
    return minimumLength;
  }

  boolean areNone() {
    return minimumLength == 0
        && noRepeatNgramSize == 0
        && repetitionPenalty == 1
        && endings.isEmpty();
  }

  /**
   * Returns V log-probabilities of the next token, minus infinity where it may not follow.
   *
   * @param own those of the model
   * @param ids the hypothesis so far
   */
  float[] apply(float[] own, int[] ids) {
    float[] values = own.clone();
    Set<Integer> known = new HashSet<>();
    for (int id : ids) {
      if (known.add(id)) values[id] *= (float) repetitionPenalty;
    }
    Set<Integer> banned = new HashSet<>(List.of(Tokenizer.PAD, Tokenizer.START));
    addRepeating(ids, banned);
    addCompleting(ids, banned);
    if (ids.length + 1 < minimumLength && banned.size() < own.length - 1) {
      banned.add(Tokenizer.END);
    }
    for (int id : banned) values[id] = Float.NEGATIVE_INFINITY;
    return values;
  }

  /** Adds what followed the last ids where they occurred before. */
  private void addRepeating(int[] ids, Set<Integer> banned) {
    int before = noRepeatNgramSize - 1;
    int start = ids.length - before;
    if (before < 0 || start < 0) return;
    for (int end = before; end < ids.length; end++) {
      if (Arrays.equals(ids, end - before, end, ids, start, ids.length)) banned.add(ids[end]);
    }
  }

  /** Adds the ids that would complete a forbidden sequence. */
  private void addCompleting(int[] ids, Set<Integer> banned) {
    List<Integer> history = new ArrayList<>(List.of(Tokenizer.START));
    for (int id : ids) history.add(id);
    for (int length : lengths) {
      if (length > history.size()) continue;
      List<Integer> last =
          new ArrayList<>(history.subList(history.size() - length, history.size()));
      banned.addAll(endings.getOrDefault(last, List.of()));
      if (length > 0 && boundaries.contains(last.get(0))) {
        last.set(0, Tokenizer.START);
        banned.addAll(endings.getOrDefault(last, List.of()));
      }
    }
  }
}
