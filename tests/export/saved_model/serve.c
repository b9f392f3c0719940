/* Runs a SavedModel by TensorFlow's C library alone, with the op libraries that it is given.

     serve MODEL [LIBRARY ...] < calls > answers
     serve --operations [LIBRARY ...] > list      (an OpList of protocol buffers)

   A call is: a number of inputs, each a name ("operation:index") and a tensor; a number of outputs,
   each a name. The answer is the outputs' tensors in that order. A number is 4 bytes; a name is its
   length and bytes; a tensor is its type (TF_DataType), its rank, its dimensions (8 bytes each) and
   its elements, for strings a length and bytes each. All of it in the machine's byte order. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

#define MOST 32 /* inputs, outputs or dimensions */

static TF_Status *status;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check(const char *what) {
  if (TF_GetCode(status) != TF_OK) fail(what, TF_Message(status));
}

static void read_bytes(void *goal, size_t size) {
  if (size && fread(goal, 1, size, stdin) != size) fail("calls", "the file ends in the middle");
}

static uint32_t read_number(void) {
  uint32_t number;
  read_bytes(&number, sizeof number);
  return number;
}

static uint32_t read_count(void) {
  uint32_t number = read_number();
  if (number > MOST) fail("calls", "too many");
  return number;
}

/* Bytes and a 0 behind them. */
static char *read_text(uint32_t *length) {
  *length = read_number();
  char *text = malloc((size_t)*length + 1);
  if (!text) fail("calls", "no memory");
  read_bytes(text, *length);
  text[*length] = 0;
  return text;
}

static TF_Output read_place(TF_Graph *graph) {
  uint32_t length;
  char *name = read_text(&length);
  char *colon = strrchr(name, ':');
  if (!colon) fail(name, "a name must look like operation:index");
  *colon = 0;
  TF_Output place = {TF_GraphOperationByName(graph, name), atoi(colon + 1)};
  if (!place.oper) fail(name, "the graph has no such operation");
  free(name);
  return place;
}

static TF_Tensor *read_tensor(void) {
  TF_DataType type = (TF_DataType)read_number();
  uint32_t rank = read_count();
  int64_t shape[MOST];
  read_bytes(shape, rank * sizeof *shape);
  int64_t count = 1;
  for (uint32_t i = 0; i < rank; i++) count *= shape[i];
  size_t size = count * (type == TF_STRING ? sizeof(TF_TString) : TF_DataTypeSize(type));
  TF_Tensor *tensor = TF_AllocateTensor(type, shape, (int)rank, size);
  if (type != TF_STRING) {
    read_bytes(TF_TensorData(tensor), size);
    return tensor;
  }
  TF_TString *strings = TF_TensorData(tensor);
  for (int64_t i = 0; i < count; i++) {
    uint32_t length;
    char *text = read_text(&length);
    TF_StringInit(&strings[i]);
    TF_StringCopy(&strings[i], text, length);
    free(text);
  }
  return tensor;
}

static void write_number(uint32_t number) { fwrite(&number, sizeof number, 1, stdout); }

static void write_tensor(const TF_Tensor *tensor) {
  TF_DataType type = TF_TensorType(tensor);
  int rank = TF_NumDims(tensor);
  write_number(type);
  write_number(rank);
  for (int i = 0; i < rank; i++) {
    int64_t size = TF_Dim(tensor, i);
    fwrite(&size, sizeof size, 1, stdout);
  }
  if (type != TF_STRING) {
    fwrite(TF_TensorData(tensor), 1, TF_TensorByteSize(tensor), stdout);
    return;
  }
  const TF_TString *strings = TF_TensorData(tensor);
  for (int64_t i = 0; i < TF_TensorElementCount(tensor); i++) {
    size_t length = TF_StringGetSize(&strings[i]);
    write_number((uint32_t)length);
    fwrite(TF_StringGetDataPointer(&strings[i]), 1, length, stdout);
  }
}

static void answer(TF_Session *session, TF_Graph *graph, uint32_t input_count) {
  TF_Output inputs[MOST], outputs[MOST];
  TF_Tensor *given[MOST], *found[MOST];
  if (input_count > MOST) fail("calls", "too many");
  for (uint32_t i = 0; i < input_count; i++) {
    inputs[i] = read_place(graph);
    given[i] = read_tensor();
  }
  uint32_t output_count = read_count();
  for (uint32_t i = 0; i < output_count; i++) outputs[i] = read_place(graph);
  TF_SessionRun(session, NULL, inputs, given, (int)input_count, outputs, found, (int)output_count,
                NULL, 0, NULL, status);
  check("run");
  for (uint32_t i = 0; i < output_count; i++) {
    write_tensor(found[i]);
    TF_DeleteTensor(found[i]);
  }
  for (uint32_t i = 0; i < input_count; i++) TF_DeleteTensor(given[i]);
}

int main(int count, char **words) {
  if (count < 2) fail("usage", "serve MODEL [LIBRARY ...] < calls > answers");
  status = TF_NewStatus();
  for (int i = 2; i < count; i++) {
    TF_LoadLibrary(words[i], status);
    check(words[i]);
  }
  if (!strcmp(words[1], "--operations")) {
    TF_Buffer *list = TF_GetAllOpList();
    fwrite(list->data, 1, list->length, stdout);
    return 0;
  }
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, words[1], tags, 1, graph, NULL, status);
  check(words[1]);
  fprintf(stderr, "TensorFlow %s has loaded the model\n", TF_Version());
  uint32_t input_count;
  while (fread(&input_count, sizeof input_count, 1, stdin) == 1)
    answer(session, graph, input_count);
  TF_CloseSession(session, status);
  check("close");
  return 0;
}
