#pragma once
// Model: what the clients know of what they made: for each thing, every state it may be in.
//
// A client that was told "done" knows one state. One that was cut off, or told of a failure of the server, knows two:
// it happened or it did not; or happens a little later. After a power cut the thing must be in one of them, whole.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"

namespace hearth::simulation {

// One thing with a name. Its state is a word; "" means that it does not exist.
class Known {
 public:
  using Change = std::function<std::string(const std::string&)>;

  const std::set<std::string>& possible() const { return possible_; }
  bool is_certain() const { return possible_.size() == 1; }
  bool may_exist() const { return possible_.size() > 1 || !possible_.contains(""); }
  bool may_be(const std::string& state) const { return possible_.contains(state); }

  // The change was tried; nobody knows how it ended.
  void tried(const Change& change) {
    const std::set<std::string> before = possible_;
    for (const std::string& state : before) possible_.insert(change(state));
  }
  // It happened.
  void done(const Change& change) {
    std::set<std::string> after;
    for (const std::string& state : possible_) after.insert(change(state));
    possible_ = std::move(after);
  }
  void is(const std::string& state) { possible_ = {state}; }
  void back_to(std::set<std::string> before) { possible_ = std::move(before); }

  // What was tried may still happen until then.
  SteadyTime unsettled_until{};
  bool removal_tried = false;

 private:
  std::set<std::string> possible_{""};
};

struct Model {
  std::map<std::string, Known> functions;                        // state: "DESCRIPTION/CODE"
  std::map<std::string, Known> roles;                            // state: description
  std::map<std::string, std::vector<std::string>> log_messages;  // by group: acknowledged
  std::map<std::string, std::string> code_hashes;                // by word of code: CodeSha256

  void settle_all() {
    for (auto* things : {&functions, &roles}) {
      for (auto& [name, known] : *things) known.unsettled_until = {};
    }
  }
};

}  // namespace hearth::simulation
