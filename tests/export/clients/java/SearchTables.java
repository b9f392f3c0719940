package kerass2s;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** What Java's search finds in models that are tables, see {@code search.mjs}. */
final class SearchTables {
  private SearchTables() {}

  public static void main(String[] arguments) throws IOException {
    List<Object> results = new ArrayList<>();
    for (Json one : Json.parse("CASES", System.in.readAllBytes()).list()) {
      Search.Options options =
          new Search.Options(
              one.get("beam").whole(),
              one.get("length_penalty").number(),
              one.get("coverage_penalty").number(),
              constraints(one),
              ids(one.get("prefix")).stream().mapToInt(id -> id).toArray());
      Search.Hypothesis found =
          Search.beamSearch(
              new Table(rows(one.get("logits")), rows(one.get("attention"))),
              new StepModel.Encoded(1, new float[1], Map.of()),
              one.get("limit").whole(),
              options,
              beginning -> {});
      results.add(Map.of("ids", found.ids(), "score", found.score()));
    }
    System.out.println(AsciiJson.write(results));
  }

  static Constraints constraints(Json one) throws IOException {
    List<List<Integer>> forbidden = new ArrayList<>();
    for (Json sequence : one.get("forbidden").list()) forbidden.add(ids(sequence));
    return new Constraints(
        one.get("minimum_length").whole(),
        one.get("no_repeat_ngram_size").whole(),
        one.get("repetition_penalty").number(),
        forbidden,
        new HashSet<>(ids(one.get("boundaries"))));
  }

  private static List<Integer> ids(Json json) throws IOException {
    List<Integer> ids = new ArrayList<>();
    for (Json one : json.list()) ids.add(one.whole());
    return ids;
  }

  private record Table(float[][] logits, float[][] attention) implements StepModel {
    @Override
    public Encoded encode(int[] ids) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Step decodeStep(Encoded encoded, int token, float[] state) {
      return new Step(logits[token], state, attention[token]);
    }
  }

  private static float[][] rows(Json json) throws IOException {
    List<float[]> rows = new ArrayList<>();
    for (Json row : json.list()) {
      List<Json> numbers = row.list();
      float[] values = new float[numbers.size()];
      for (int place = 0; place < values.length; place++) {
        values[place] = (float) numbers.get(place).number();
      }
      rows.add(values);
    }
    return rows.toArray(new float[0][]);
  }
}
