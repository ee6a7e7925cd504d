// A native function: turns the event's text upside down. See runtimes/cpp/lambda_runtime.h for the runtime.

#include "lambda_runtime.h"

namespace {

// The string member "text" of a JSON object, without escapes: enough for an example.
lambda::Text text_member(lambda::Text json) {
  static constexpr char kKey[] = "\"text\"";
  const void* key = memmem(json.data, json.size, kKey, sizeof kKey - 1);
  if (key == nullptr) return {};
  const char* end = json.data + json.size;
  const char* at = static_cast<const char*>(key) + sizeof kKey - 1;
  while (at < end && (*at == ':' || *at == ' ')) ++at;
  if (at == end || *at != '"') return {};
  const char* begin = ++at;
  while (at < end && *at != '"') ++at;
  return {begin, static_cast<size_t>(at - begin)};
}

void handle(const lambda::Invocation& invocation, lambda::Buffer& result) {
  const lambda::Text text = text_member(invocation.event);
  printf("turning %zu characters\n", text.size);
  fflush(stdout);
  result.append("{\"turned\":\"");
  for (size_t i = text.size; i > 0; --i) result.append({text.data + i - 1, 1});
  result.append("\"}");
}

}  // namespace

int main() { return lambda::serve(handle); }
