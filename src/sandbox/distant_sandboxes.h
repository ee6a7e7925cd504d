#pragma once
// DistantSandboxes: sandboxes for a loop that is not their factory's.
//
// The real factory, with its one socket to the launcher, belongs to one loop; environments of a further loop create
// sandboxes through this one. Creating, killing and destroying are handed to the factory's loop, and the exit comes
// back from there. Freezing, thawing and reading memory go straight through the sandbox's own descriptors: nothing that
// happens at every invocation crosses threads.
//
// Path: environment/ -> here -> launcher_client.h        Tests: distant_sandboxes_test.cc

#include <memory>

#include "net/loop.h"
#include "sandbox/sandbox.h"

namespace hearth::sandbox {

// Thread: `here`'s; `sandboxes` belongs to `there`. Lifetime: all outlive this and every sandbox of it, and `there`
// runs until the last is gone.
class DistantSandboxes final : public SandboxFactory {
 public:
  DistantSandboxes(net::Loop& here, net::Loop& there, SandboxFactory& sandboxes)
      : here_(here), there_(there), sandboxes_(sandboxes) {}

  net::Task<Result<std::unique_ptr<Sandbox>>> create(SandboxSpec spec) override;
  // Nothing is known of it here: ask the factory itself.
  Tier tier() const override { return {}; }

 private:
  net::Loop& here_;
  net::Loop& there_;
  SandboxFactory& sandboxes_;
};

}  // namespace hearth::sandbox
