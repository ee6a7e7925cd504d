#pragma once
// Registry: every function of every account, in memory, backed by the store; the only writer of function state.
//
// Readers get immutable snapshots: `latest()` is the newest configuration (what the API shows), `running()` the newest
// one that is ready to run (during an update, still the former). Changes go through the methods below; each commits,
// then publishes a new snapshot, then tells listeners.
//
// Path: services/lambda/service.cc -> here -> functions/store.h        Tests: registry_test.cc

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "functions/error_kind.h"
#include "functions/function.h"
#include "storage/store.h"

namespace hearth::functions {

// AWS's words for kRevisionMismatch.
inline constexpr std::string_view kRevisionMismatchMessage =
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the "
    "latest Revision Id";

class Registry {
 public:
  // `store` and `clock` outlive the registry. load() reads everything once, at start.
  Registry(storage::Store& store, const Clock& clock);
  ~Registry();
  Status load();

  // nullptr if there is none.
  FunctionSnapshot latest(const FunctionKey& key) const;
  FunctionSnapshot running(const FunctionKey& key) const;
  // In name order, names greater than `after`, at most `limit`.
  std::vector<FunctionSnapshot> list(const std::string& account, const std::string& region, const std::string& after,
                                     std::size_t limit) const;
  std::size_t count() const;

  // Those in state Pending or InProgress: after a start, what was cut short and wants settle().
  std::vector<FunctionSnapshot> unsettled() const;
  // Every snapshot that counts, of all accounts: latest and, where it differs, running. For collecting packages.
  std::vector<FunctionSnapshot> all() const;

  // Adds a function in state Pending. Errors: kAlreadyExists, storage::ErrorKind.
  Result<FunctionSnapshot> create(FunctionVersion function, std::map<std::string, std::string> tags);
  // Replaces $LATEST by `change(copy)` with UpdateStatus InProgress, a new revision and generation.
  // Errors: kNotFound, kUpdateInProgress, kRevisionMismatch (when `revision_id` is given and differs).
  Result<FunctionSnapshot> update(const FunctionKey& key, const std::optional<std::string>& revision_id,
                                  const std::function<void(FunctionVersion&)>& change);
  // Ends Pending or InProgress: Active and Successful, or Failed with a reason. Nothing if the generation is past.
  // A settled function has a new revision id. Errors: storage::ErrorKind (it stays unsettled until the next start).
  Status settle(const FunctionKey& key, std::uint64_t generation, std::optional<std::string> failure_reason,
                std::string failure_code);
  Status remove(const FunctionKey& key);

  std::map<std::string, std::string> tags(const FunctionKey& key) const;
  Status set_tags(const FunctionKey& key, std::map<std::string, std::string> tags);
  // The resource policy document and its revision id, which is the function's own; empty document: none. Setting it
  // gives the function a new revision id, as on AWS, but no new generation.
  struct Policy {
    std::string document;
    std::string revision_id;
  };
  Policy policy(const FunctionKey& key) const;
  Result<Policy> set_policy(const FunctionKey& key, std::string document);

  // Called after a function changed or was removed, with its key. Listeners outlive the registry's use.
  void on_change(std::function<void(const FunctionKey&)> listener);
  // Forgets and erases everything.
  Status clear();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::functions
