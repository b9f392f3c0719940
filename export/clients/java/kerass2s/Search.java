package kerass2s;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Greedy and beam search for one sentence, with the rules of {@code export/numpy_search.py}.
 *
 * <p>Source: Wu et al. 2016, "Google's Neural Machine Translation System", eq. 14.
 */
public final class Search {
  private static final int WIDEST = 1000;
  private static final String NO_NUMBERS = "The model gives no numbers.";

  /**
   * Options of the search, as for {@code keras_s2s.beam_search}.
   *
   * @param beamSize number K of hypotheses that are expanded in parallel, from 1 to 1000; 1 for
   *     greedy search
   * @param lengthPenalty exponent of the length penalty, at least 0
   * @param coveragePenalty weight of the coverage penalty, at least 0; 0 without attention
   * @param constraints what the hypotheses must and must not be
   * @param prefix ids that every hypothesis begins with, fewer than its limit
   */
  public record Options(
      int beamSize,
      double lengthPenalty,
      double coveragePenalty,
      Constraints constraints,
      int[] prefix) {
    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public Options {
      if (beamSize < 1 || beamSize > WIDEST) {
        throw new IllegalArgumentException(
            "beamSize must be from 1 to " + WIDEST + ". Received: beamSize=" + beamSize);
      }
      if (!isPenalty(lengthPenalty) || !isPenalty(coveragePenalty)) {
        throw new IllegalArgumentException(
            "Penalties must be at least 0 and finite. Received: lengthPenalty="
                + lengthPenalty
                + ", coveragePenalty="
                + coveragePenalty);
      }
    }

    /** Options without constraints and prefix. */
    public Options(int beamSize, double lengthPenalty, double coveragePenalty) {
      this(beamSize, lengthPenalty, coveragePenalty, Constraints.NONE, new int[0]);
    }

    private static boolean isPenalty(double value) {
      return value >= 0 && value < Double.POSITIVE_INFINITY;
    }

    /** Returns the options for another beam size; greedy search scores by probability alone. */
    public Options withBeamSize(int other) {
      return other == 1
          ? new Options(1, 0, 0, constraints, prefix)
          : new Options(other, lengthPenalty, coveragePenalty, constraints, prefix);
    }

    /** Returns the options with other constraints and another prefix. */
    public Options with(Constraints others, int[] ids) {
      return new Options(beamSize, lengthPenalty, coveragePenalty, others, ids);
    }

    private boolean isFree(int length) {
      return constraints.areNone() && length >= prefix.length;
    }
  }

  /**
   * A hypothesis, complete or partial.
   *
   * @param score the score that hypotheses are ranked by
   * @param logProbability natural logarithm of its probability
   * @param ids T ids, with the end mark unless it is partial or was cut off at the limit
   * @param attention T rows of S attention weights; no rows without attention
   * @param state decoder state after the last token
   */
  public record Hypothesis(
      double score, float logProbability, int[] ids, float[][] attention, float[] state) {
    private int lastToken() {
      return ids.length == 0 ? Tokenizer.START : ids[ids.length - 1];
    }

    private boolean hasEnded() {
      return lastToken() == Tokenizer.END;
    }
  }

  private record Candidate(
      Hypothesis beginning, int token, float logProbability, StepModel.Step step) {}

  private final StepModel model;
  private final StepModel.Encoded encoded;
  private final Options options;

  private Search(StepModel model, StepModel.Encoded encoded, Options options) {
    this.model = model;
    this.encoded = encoded;
    this.options = options;
  }

  /**
   * Finds the best hypothesis for a sentence; a beam size of 1 is greedy search.
   *
   * @param model the model
   * @param encoded the encoded sentence
   * @param limit longest hypothesis in tokens, end mark included; at least 1
   * @param options options of the search
   * @param listener receives the best partial hypothesis after each step, and finally the result
   * @return the best hypothesis
   * @throws IllegalStateException if the model returns no finite numbers
   */
  public static Hypothesis beamSearch(
      StepModel model,
      StepModel.Encoded encoded,
      int limit,
      Options options,
      Consumer<Hypothesis> listener) {
    Hypothesis result = new Search(model, encoded, options).best(limit, listener);
    listener.accept(result);
    return result;
  }

  private Hypothesis best(int limit, Consumer<Hypothesis> listener) {
    int beamSize = options.beamSize();
    List<Hypothesis> live =
        List.of(new Hypothesis(0, 0, new int[0], new float[0][], encoded.state()));
    Hypothesis result = null;
    int endedCount = 0;
    for (int length = 1; ; length++) {
      List<Hypothesis> found = expand(live);
      List<Hypothesis> ended =
          found.stream().limit(beamSize).filter(Hypothesis::hasEnded).collect(Collectors.toList());
      List<Hypothesis> going =
          found.stream().filter(one -> !one.hasEnded()).collect(Collectors.toList());
      endedCount += ended.size();
      boolean isLast = length >= limit;
      if (isLast && endedCount == 0) ended = going;
      for (Hypothesis one : ended) {
        if (result == null || one.score() > result.score()) result = one;
      }
      live = going.subList(0, Math.min(beamSize, going.size()));
      if (isLast || live.isEmpty() || isDecided(live, result, endedCount, limit)) return result;
      listener.accept(live.get(0));
    }
  }

  /** Whether no live hypothesis can win, or enough have ended and none is ahead now. */
  private boolean isDecided(List<Hypothesis> live, Hypothesis result, int endedCount, int limit) {
    if (result == null) return false;
    double bound = divisor(limit);
    return live.stream().allMatch(one -> one.logProbability() / bound <= result.score())
        || endedCount >= options.beamSize()
            && live.stream().allMatch(one -> one.score() <= result.score());
  }

  /** The best 2 K continuations of all live hypotheses. */
  private List<Hypothesis> expand(List<Hypothesis> live) {
    List<Candidate> candidates = new ArrayList<>();
    for (Hypothesis one : live) {
      StepModel.Step step = model.decodeStep(encoded, one.lastToken(), one.state());
      float[] logits = step.logits();
      float largest = largest(logits);
      float logSum = logSum(logits, largest);
      float[] own = new float[logits.length];
      for (int id = 0; id < own.length; id++) own[id] = logits[id] - largest - logSum;
      float[] values = options.isFree(one.ids().length) ? own : allowed(own, one.ids());
      for (int token : bestTokens(values, options.beamSize() + 1)) {
        float sum = one.logProbability() + values[token];
        candidates.add(new Candidate(one, token, sum, step));
      }
    }
    if (candidates.isEmpty()) throw new IllegalStateException(NO_NUMBERS);
    return candidates.stream()
        .sorted(Comparator.comparing(Candidate::logProbability, Comparator.reverseOrder()))
        .limit(2L * options.beamSize())
        .map(this::hypothesis)
        .collect(Collectors.toList());
  }

  /** The log-probabilities of what may follow a hypothesis. */
  private float[] allowed(float[] own, int[] ids) {
    int[] prefix = options.prefix();
    if (ids.length >= prefix.length) return options.constraints().apply(own, ids);
    float[] values = new float[own.length];
    Arrays.fill(values, Float.NEGATIVE_INFINITY);
    values[prefix[ids.length]] = own[prefix[ids.length]];
    return values;
  }

  private Hypothesis hypothesis(Candidate candidate) {
    Hypothesis beginning = candidate.beginning();
    StepModel.Step step = candidate.step();
    int length = beginning.ids().length + 1;
    int[] ids = Arrays.copyOf(beginning.ids(), length);
    ids[length - 1] = candidate.token();
    float[][] attention = beginning.attention();
    if (step.attention() != null) {
      attention = Arrays.copyOf(attention, length);
      attention[length - 1] = step.attention();
    }
    double score = candidate.logProbability() / divisor(length);
    if (options.coveragePenalty() != 0) score += options.coveragePenalty() * coverage(attention);
    return new Hypothesis(score, candidate.logProbability(), ids, attention, step.state());
  }

  private double divisor(int length) {
    return Math.pow((5 + length) / 6.0, options.lengthPenalty());
  }

  /** The most likely tokens, best first; of equal ones, the lower id first. */
  private static int[] bestTokens(float[] logits, int count) {
    int[] best = new int[Math.min(count, logits.length)];
    int size = 0;
    float least = Float.NEGATIVE_INFINITY; // Logits up to this are skipped.
    for (int id = 0; id < logits.length; id++) {
      if (logits[id] <= least || id == Tokenizer.PAD || id == Tokenizer.START) continue;
      int place = size < best.length ? size++ : size - 1;
      for (; place > 0 && logits[id] > logits[best[place - 1]]; place--) {
        best[place] = best[place - 1];
      }
      best[place] = id;
      if (size == best.length) least = logits[best[size - 1]];
    }
    return Arrays.copyOf(best, size);
  }

  private static float largest(float[] logits) {
    float largest = Float.NEGATIVE_INFINITY;
    for (float value : logits) largest = Math.max(largest, value);
    return largest;
  }

  /** The logarithm of the sum of exp(logit - largest). */
  private static float logSum(float[] logits, float largest) {
    double sum = 0;
    for (float value : logits) sum += Math.exp(value - largest);
    if (!Double.isFinite(sum)) throw new IllegalStateException(NO_NUMBERS);
    return (float) Math.log(sum);
  }

  private static double coverage(float[][] attention) {
    double sum = 0;
    for (int place = 0; place < attention[0].length; place++) {
      float seen = 0;
      for (float[] weights : attention) seen += weights[place];
      sum += Math.log(Math.min(Math.max(seen, 1e-10), 1));
    }
    return sum;
  }
}
