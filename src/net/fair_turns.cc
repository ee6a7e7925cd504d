#include "net/fair_turns.h"

#include <deque>
#include <utility>

#include "net/one_shot.h"

namespace hearth::net {

struct FairTurns::LaneState {
  using Place = OneShot<bool>;

  std::shared_ptr<State> turns;
  std::deque<std::shared_ptr<Place>> places;  // who waits, in order
};

struct FairTurns::State {
  State(Loop& the_loop, unsigned limit) : loop(the_loop), per_turn(limit) {}

  bool try_pass() {
    if (!waiting.empty()) return false;
    if (turn != loop.turn()) {
      turn = loop.turn();
      passed = 0;
    }
    if (passed >= per_turn) return false;
    ++passed;
    return true;
  }

  static void call_soon(const std::shared_ptr<State>& state) {
    if (std::exchange(state->call_posted, true)) return;
    state->loop.post([weak = std::weak_ptr(state)] {
      if (const auto self = weak.lock()) self->call(self);
    });
  }

  // In a turn of its own: lets the next ones pass.
  void call(const std::shared_ptr<State>& self) {
    call_posted = false;
    turn = loop.turn();
    passed = 0;
    while (passed < per_turn && !waiting.empty()) {
      const std::shared_ptr<LaneState> lane = std::move(waiting.front());
      waiting.pop_front();
      lane->places.front()->set(true);
      lane->places.pop_front();
      if (!lane->places.empty()) waiting.push_back(lane);
      ++passed;
    }
    if (!waiting.empty()) call_soon(self);
  }

  Loop& loop;
  const unsigned per_turn;
  std::uint64_t turn = 0;
  unsigned passed = 0;  // in that turn
  bool call_posted = false;
  std::deque<std::shared_ptr<LaneState>> waiting;  // lanes in which somebody waits, in the order of their turn
};

FairTurns::FairTurns(Loop& loop, unsigned per_turn) : state_(std::make_shared<State>(loop, per_turn)) {}
FairTurns::~FairTurns() = default;

FairTurns::Lane FairTurns::make_lane() {
  auto lane = std::make_shared<LaneState>();
  lane->turns = state_;
  return Lane(std::move(lane));
}

bool FairTurns::Lane::try_enter() const { return state_->turns->try_pass(); }
std::size_t FairTurns::Lane::waiting() const { return state_->places.size(); }

Task<> FairTurns::Lane::enter(std::shared_ptr<LaneState> state) {
  if (state->turns->try_pass()) co_return;
  const auto place = std::make_shared<LaneState::Place>(state->turns->loop.executor());
  if (state->places.empty()) state->turns->waiting.push_back(state);
  state->places.push_back(place);
  State::call_soon(state->turns);
  co_await place->wait();
}

}  // namespace hearth::net
