// The compiled part of Boost.Asio (BOOST_ASIO_SEPARATE_COMPILATION), in this one file of the program.
//
// Its one call of epoll_wait is replaced by one that tells the loop's TurnMeter where a turn ends and the next begins.

#include <sys/epoll.h>

#include "net/turn_meter.h"

namespace {

int metered_epoll_wait(int epoll_fd, epoll_event* events, int max_events, int timeout_ms) {
  hearth::net::TurnMeter* const meter = hearth::net::TurnMeter::of_this_thread();
  if (meter != nullptr) meter->before_wait();
  const int count = ::epoll_wait(epoll_fd, events, max_events, timeout_ms);
  if (meter != nullptr) meter->after_wait();
  return count;
}

}  // namespace

#define epoll_wait metered_epoll_wait
#include <boost/asio/impl/src.hpp>
#undef epoll_wait

#include <boost/asio/ssl/impl/src.hpp>
