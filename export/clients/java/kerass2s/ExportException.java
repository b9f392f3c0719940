package kerass2s;

import java.io.IOException;

/** An export is missing, damaged, or of another kind; the message is a full sentence. */
public final class ExportException extends IOException {
  private static final long serialVersionUID = 1;

  ExportException(String message) {
    super(message);
  }

  ExportException(String message, Throwable cause) {
    super(message, cause);
  }
}
