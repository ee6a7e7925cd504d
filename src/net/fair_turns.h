#pragma once
// FairTurns: how much of each turn of the loop may go to work that code inside environments causes.
//
// A turn runs everything that is ready, so ten connections with a thousand requests each would make it long, and every
// other client would wait for its end, several times over. Whoever may be hostile therefore has a lane, and enters it
// before each piece of work: `per_turn` pieces of all lanes together pass in one turn; the others wait, first come
// first served within a lane, one lane after the other. While nobody waits, entering costs nothing.
//
// What a piece may cost is the caller's to bound: well below a millisecond.
//
// Path: gateway/function_endpoint.h, runtime_api, environment -> here        Tests: fair_turns_test.cc

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "net/loop.h"
#include "net/task.h"
#include "net/turn_label.h"

namespace hearth::net {

// Thread: the loop's. Lifetime: `loop` outlives it; lanes and waiters may outlive it, and then wait until the loop
// ends.
class FairTurns {
 private:
  struct State;
  struct LaneState;

 public:
  // One who may be hostile. Copies are the same lane.
  class Lane {
   public:
    // Passes at once, without suspension, or waits for its place in a later turn.
    Task<> enter() const { return enter(state_); }
    // Passes now or not at all.
    bool try_enter() const;
    std::size_t waiting() const;

   private:
    friend class FairTurns;
    explicit Lane(std::shared_ptr<LaneState> state) : state_(std::move(state)) {}
    static Task<> enter(std::shared_ptr<LaneState> state);
    std::shared_ptr<LaneState> state_;
  };

  FairTurns(Loop& loop, unsigned per_turn);
  ~FairTurns();
  FairTurns(const FairTurns&) = delete;
  FairTurns& operator=(const FairTurns&) = delete;

  Lane make_lane();

 private:
  std::shared_ptr<State> state_;
};

// Work of ours that may take long, cut into pieces: `if (pace.is_due()) co_await pace.rest();` between its steps.
class Pace {
 public:
  static constexpr std::chrono::milliseconds kPiece{1};

  explicit Pace(FairTurns& turns) : lane_(turns.make_lane()), began_(std::chrono::steady_clock::now()) {}

  bool is_due() const { return std::chrono::steady_clock::now() - began_ >= kPiece; }
  // Goes on in a later turn, of which no other long work takes a piece.
  Task<> rest() {
    co_await yield_turn();
    co_await lane_.enter();
    note_turn("a piece of long work");
    began_ = std::chrono::steady_clock::now();
  }

 private:
  FairTurns::Lane lane_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace hearth::net
