package kerass2s;

import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Translates texts with a LiteRT export, as {@code keras_s2s.export.LiteRTTranslator} does.
 *
 * <p>Translates one text at a time: a second thread waits for the first.
 */
public final class Translator implements AutoCloseable {
  private final Manifest manifest;
  private final Tokenizer source;
  private final Tokenizer target;
  private final StepModel model;

  private Translator(Manifest manifest, Tokenizer source, Tokenizer target, StepModel model) {
    this.manifest = manifest;
    this.source = source;
    this.target = target;
    this.model = model;
  }

  /**
   * Opens an export and verifies every file that it reads.
   *
   * @param folder the folder of the export
   * @param factory creates the model
   * @return the translator
   * @throws ExportException if the folder holds no LiteRT export, or a damaged one
   */
  public static Translator open(Folder folder, StepModel.Factory factory) throws ExportException {
    Manifest manifest = Manifest.read(folder);
    Folder checked = manifest.checked(folder);
    Tokenizer source = Tokenizer.open(checked.folder(manifest.sourceTokenizer()));
    Tokenizer target = Tokenizer.open(checked.folder(manifest.targetTokenizer()));
    if (target.vocabularySize() != manifest.vocabularySize()) {
      throw new ExportException("The model and its target tokenizer have different vocabularies.");
    }
    byte[] file = Json.bytes(checked, manifest.file());
    try {
      return new Translator(manifest, source, target, factory.make(manifest, file));
    } catch (RuntimeException | LinkageError error) {
      throw new ExportException(manifest.file() + " can't be run: " + error, error);
    }
  }

  /** The manifest of the export. */
  public Manifest manifest() {
    return manifest;
  }

  /** The tokenizer of the sources. */
  public Tokenizer source() {
    return source;
  }

  /** The tokenizer of the translations. */
  public Tokenizer target() {
    return target;
  }

  /** Returns the number of tokens of a text, end mark included. */
  public int countTokens(String text) {
    return source.encode(text).length + 1;
  }

  /** Returns whether a text has more tokens than the model reads, so that it would be truncated. */
  public boolean isTooLong(String text) {
    return countTokens(text) > manifest.longest();
  }

  /** Translates a text with the search of the export; see the other method. */
  public Translation translate(String text) {
    return translate(text, manifest.options().beamSize(), beginning -> {});
  }

  /**
   * Translates a text with a tag before it, such as {@code <2de>}; see {@link Tokenizer#withTag}.
   *
   * @throws IllegalArgumentException if the tag is not one known token
   */
  public Translation translate(String text, String tag) {
    return translate(source.withTag(text, tag));
  }

  /**
   * Translates a text.
   *
   * @param text the source; truncated if it is too long
   * @param beamSize number of hypotheses that are expanded in parallel, from 1 to 1000; 1 for
   *     greedy search
   * @param listener receives the partial translation after each token, and finally the result; an
   *     exception that it throws ends the search
   * @return the translation
   * @throws IllegalArgumentException if {@code beamSize} is out of range
   * @throws IllegalStateException if the model returns no finite numbers
   */
  public Translation translate(String text, int beamSize, Consumer<Translation> listener) {
    return translate(text, "", beamSize, Constraints.NONE, listener);
  }

  /**
   * Translates a text under constraints.
   *
   * @param text the source; truncated if it is too long
   * @param prefix what the translation begins with; empty for anything
   * @param beamSize as for the other method
   * @param constraints what the translation must and must not be
   * @param listener as for the other method
   * @return the translation
   * @throws IllegalArgumentException if {@code beamSize} is out of range, or the prefix has as many
   *     tokens as the longest translation
   * @throws IllegalStateException if the model returns no finite numbers
   */
  public synchronized Translation translate(
      String text,
      String prefix,
      int beamSize,
      Constraints constraints,
      Consumer<Translation> listener) {
    int[] beginning = target.encode(prefix);
    Search.Options options =
        manifest.options().withBeamSize(beamSize).with(constraints, beginning);
    int[] known = source.encode(text);
    if (known.length == 0) {
      Translation empty = new Translation("", known, List.of(), List.of(), new float[0][], 0);
      listener.accept(empty);
      return empty;
    }
    int[] ids = Arrays.copyOf(known, Math.min(known.length + 1, manifest.longest()));
    ids[ids.length - 1] = Tokenizer.END;
    List<String> sourcePieces = source.pieces(ids);
    int limit =
        Math.max(manifest.defaultLimit().tokens(ids.length), constraints.minimumLength());
    if (beginning.length >= limit) {
      throw new IllegalArgumentException(
          "The prefix must have fewer than " + limit + " tokens. Received: " + beginning.length);
    }
    Search.Hypothesis found =
        Search.beamSearch(
            model,
            model.encode(ids),
            limit,
            options,
            partial -> listener.accept(translation(partial, sourcePieces)));
    return translation(found, sourcePieces);
  }

  /** Frees the resources of the model. */
  @Override
  public synchronized void close() {
    model.close();
  }

  private Translation translation(Search.Hypothesis found, List<String> sourcePieces) {
    return new Translation(
        target.decode(found.ids()),
        found.ids(),
        target.pieces(found.ids()),
        sourcePieces,
        found.attention(),
        found.score());
  }
}
