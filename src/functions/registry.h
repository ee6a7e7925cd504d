#pragma once
// Registry: every function of every account, in memory, backed by the store; the only writer of function state.
//
// Readers get immutable snapshots: `find()` is the newest configuration of what a qualifier names (what the API shows),
// `running()` the newest one that is ready to run (during an update of $LATEST, still the former). Changes go through
// the methods below; each commits, then publishes new snapshots, then tells listeners.
//
// A published version is a copy of $LATEST that never changes but for its state, with a generation of its own.
//
// Path: services/lambda/service.cc -> here -> functions/store.h        Tests: registry_test.cc, versions_test.cc

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "functions/error_kind.h"
#include "functions/function.h"
#include "storage/key_ring.h"
#include "storage/store.h"

namespace hearth::functions {

// AWS's words for kRevisionMismatch.
inline constexpr std::string_view kRevisionMismatchMessage =
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the "
    "latest Revision Id";

inline constexpr std::string_view kLatestVersion = "$LATEST";

// The number that a qualifier is. Nothing if it is none.
std::optional<std::uint64_t> version_number(std::string_view qualifier);

enum class Publish { kNo, kYes };

class Registry {
 public:
  // All outlive the registry; `keys` seals environment variables. load() reads everything once, at start.
  Registry(storage::Store& store, const storage::KeyRing& keys, const Clock& clock);
  ~Registry();
  Status load();

  // --- what there is. A qualifier is "" or "$LATEST", a version number, or an alias. nullptr if there is none.
  FunctionSnapshot latest(const FunctionKey& key) const { return find(key, {}); }
  FunctionSnapshot find(const FunctionKey& key, std::string_view qualifier) const;
  FunctionSnapshot running(const FunctionKey& key) const { return running(key, {}, 0); }
  // `draw`, from 0 to below 1, decides between the two versions of an alias.
  FunctionSnapshot running(const FunctionKey& key, std::string_view qualifier, double draw) const;
  // $LATEST of each function, in name order, names greater than `after`, at most `limit`.
  std::vector<FunctionSnapshot> list(const std::string& account, const std::string& region, const std::string& after,
                                     std::size_t limit) const;
  // Published versions of a function in order, numbers greater than `after`, at most `limit`.
  std::vector<FunctionSnapshot> versions(const FunctionKey& key, std::uint64_t after, std::size_t limit) const;
  std::size_t count() const;
  // What invocations of a function may run now: $LATEST and every version.
  std::vector<FunctionSnapshot> runnable(const FunctionKey& key) const;
  // Those in state Pending or InProgress: after a start, what was cut short and wants settle().
  std::vector<FunctionSnapshot> unsettled() const;
  // Every snapshot that counts, of all accounts. For collecting packages.
  std::vector<FunctionSnapshot> all() const;

  // --- functions
  struct Changed {
    FunctionSnapshot latest;
    FunctionSnapshot version;  // null unless published; one that had been there if nothing has changed since
  };
  // Adds a function in state Pending. Errors: kAlreadyExists, storage::ErrorKind.
  Result<Changed> create(FunctionVersion function, std::map<std::string, std::string> tags,
                         Publish publish = Publish::kNo);
  // Replaces $LATEST by `change(copy)` with UpdateStatus InProgress, a new revision and generation.
  // Errors: kNotFound, kUpdateInProgress, kRevisionMismatch (when `revision_id` is given and differs).
  Result<Changed> update(const FunctionKey& key, const std::optional<std::string>& revision_id,
                         const std::function<void(FunctionVersion&)>& change, Publish publish = Publish::kNo);
  // Ends Pending or InProgress of the version with `generation`: Active and Successful, or Failed with a reason.
  // Nothing if the generation is past. What is settled has a new revision id. Errors: storage::ErrorKind (it stays
  // unsettled until the next start).
  Status settle(const FunctionKey& key, std::uint64_t generation, std::optional<std::string> failure_reason,
                std::string failure_code);
  // With all versions and aliases.
  Status remove(const FunctionKey& key);

  // --- versions
  struct Publication {
    std::optional<std::string> description;  // of the version; absent: that of $LATEST
    std::optional<std::string> code_sha256;  // what $LATEST must have
    std::optional<std::string> revision_id;
  };
  // A version of $LATEST as it is; the last one if nothing has changed since. Errors: kNotFound, kUpdateInProgress,
  // kRevisionMismatch, kHashMismatch.
  Result<FunctionSnapshot> publish(const FunctionKey& key, const Publication& publication);
  // Errors: kNotFound, kInUse (message: AWS's).
  Status remove_version(const FunctionKey& key, const std::string& version);

  // --- aliases. What an alias names was checked by the caller.
  std::optional<Alias> alias(const FunctionKey& key, std::string_view name) const;
  // In name order, names greater than `after`, at most `limit`; only those of `version` if it is given.
  std::vector<Alias> aliases(const FunctionKey& key, const std::optional<std::string>& version,
                             const std::string& after, std::size_t limit) const;
  // Errors: kNotFound (the function), kAlreadyExists.
  Result<Alias> add_alias(const FunctionKey& key, Alias alias);
  // Gives it a new revision id. Errors: kNotFound, kRevisionMismatch.
  Result<Alias> update_alias(const FunctionKey& key, const std::string& name,
                             const std::optional<std::string>& revision_id, const std::function<void(Alias&)>& change);
  // Its policy goes with it. Errors: storage::ErrorKind. None of that name: nothing to do.
  Status remove_alias(const FunctionKey& key, const std::string& name);

  // --- tags and policies
  std::map<std::string, std::string> tags(const FunctionKey& key) const;
  Status set_tags(const FunctionKey& key, std::map<std::string, std::string> tags);
  // The resource policy document of the function, a version or an alias, and the revision id, which is that of what it
  // belongs to; empty document: none. Setting it gives that a new revision id, as on AWS, but no new generation.
  struct Policy {
    std::string document;
    std::string revision_id;
  };
  Policy policy(const FunctionKey& key, std::string_view qualifier = {}) const;
  Result<Policy> set_policy(const FunctionKey& key, const std::string& qualifier, std::string document);

  // --- reserved concurrency: what of an account's concurrency is one function's alone
  struct Concurrency {
    std::optional<std::uint32_t> reserved;  // of the function
    std::uint64_t reserved_by_all = 0;      // of all functions of the account in the region
  };
  Concurrency concurrency(const FunctionKey& key) const;
  // Nothing: none is reserved. Errors: kNotFound.
  Status set_reserved_concurrency(const FunctionKey& key, std::optional<std::uint32_t> reserved);

  // --- rules of asynchronous events. An empty qualifier is "$LATEST".
  std::optional<EventRules> event_rules(const FunctionKey& key, std::string_view qualifier) const;
  // In order of qualifiers, those greater than `after`, at most `limit`.
  std::vector<std::pair<std::string, EventRules>> list_event_rules(const FunctionKey& key, const std::string& after,
                                                                   std::size_t limit) const;
  // Sets the time of the change. Errors: kNotFound (the function).
  Result<EventRules> set_event_rules(const FunctionKey& key, const std::string& qualifier, EventRules rules);
  // Errors: kNotFound (function or rules).
  Status remove_event_rules(const FunctionKey& key, const std::string& qualifier);

  // Called after a function changed or was removed, with its key. Listeners outlive the registry's use.
  void on_change(std::function<void(const FunctionKey&)> listener);
  // Forgets and erases everything.
  Status clear();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::functions
