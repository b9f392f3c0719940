package kerass2s;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The folder of an export: on a disk, or in the assets of an Android app. */
@FunctionalInterface
public interface Folder {
  /**
   * Reads a file.
   *
   * @param name such as {@code manifest.json} or {@code source_tokenizer/tokenizer.json}
   * @return its content
   * @throws IOException if it is missing or can't be read
   */
  byte[] read(String name) throws IOException;

  /** Returns a folder on a disk. */
  static Folder of(Path path) {
    return name -> Files.readAllBytes(path.resolve(name));
  }

  /** Returns a folder in this one. */
  default Folder folder(String name) {
    return file -> read(name + "/" + file);
  }
}
