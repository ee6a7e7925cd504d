#pragma once
// Promises: what a sandbox must not let happen, each with the attempt that tries it, and the barriers without which it
// would succeed. The table itself is promises.json; docs/sandbox.md shows it.

#include <set>
#include <string>
#include <vector>

namespace hearth::security {

struct Promise {
  std::string attempt;
  std::string text;
  // In the tier under test: "yes", "no" (not promised there), or "" (nobody has said yet).
  std::string holds;
};

// A launcher without these barriers, and exactly what then succeeds.
struct Mutant {
  std::vector<std::string> without;
  std::set<std::string> breaks;
  std::set<std::string> perhaps;  // of these, what some kernels' own settings keep shut

  std::string name() const;      // for a test: letters and digits
  std::string barriers() const;  // as mutants/left_out.h takes them
};

struct PromiseTable {
  std::vector<Promise> promises;
  std::vector<Mutant> mutants;
};

// The table for a tier. Throws what boost::json throws: it is a file of this repository.
PromiseTable load_promises(const std::string& tier);
// Of the server's own checks, which are the same in every tier.
PromiseTable load_server_promises();

}  // namespace hearth::security
