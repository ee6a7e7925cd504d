#pragma once
// EventStore: what the Lambda API itself keeps: events of asynchronous invocations that have not ended. (Functions are
// kept by functions/store.h.) The only file that knows their keys and form.
//
// Space "lambda.event": function name, number. A number is given in the order of acceptance, over all functions.

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "invocation/invoker.h"
#include "storage/store.h"

namespace hearth::services::lambda {

struct StoredEvent {
  std::uint64_t number = 0;
  TimePoint accepted;
  TimePoint due;           // not to be run before
  std::uint32_t runs = 0;  // that ended in a function error
  std::size_t bytes = 0;   // it takes in the store
  invocation::InvokeRequest request;
};

class EventStore {
 public:
  explicit EventStore(storage::Store& store) : store_(store) {}

  // Every event, in the order of function and number, without its payload.
  // Errors: storage::ErrorKind::kCorrupt, kForeign (newer format).
  Result<std::vector<StoredEvent>> load();
  // Returns how many bytes it takes.
  Result<std::size_t> put(const StoredEvent& event);
  // Errors: kCorrupt, also when there is no such event.
  Result<StoredEvent> get(const functions::FunctionKey& function, std::uint64_t number);
  // Its loss in a power cut means that the event runs once more, which asynchronous invocation allows.
  Status erase(const functions::FunctionKey& function, std::uint64_t number);
  Status erase_everything();

 private:
  storage::Store& store_;
};

}  // namespace hearth::services::lambda
