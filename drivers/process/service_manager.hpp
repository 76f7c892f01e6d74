// What a service manager is told: the datagrams of sd_notify(3), which the interface promise of systemd holds
// stable (https://systemd.io/PORTABILITY_AND_STABILITY/), so that no library has to be there.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace ovl {

// Where it listens, and how often it wants to hear of a service.
struct ServicePlace {
  std::string socket;                     // a path, or "@" and an abstract name; empty: nobody listens
  std::chrono::microseconds watchdog{0};  // silence for so long counts as hanging; 0: nobody counts
};

// NOTIFY_SOCKET, and WATCHDOG_USEC where WATCHDOG_PID is this process or is not set: sd_watchdog_enabled(3).
ServicePlace service_place();

// Told as it goes. What can't be told is not: a service doesn't fail for that.
class ServiceManager {
 public:
  explicit ServiceManager(ServicePlace place) : place_(std::move(place)) {}

  // The service does what it is for, from now on. Once; later calls say nothing.
  void ready();

  // It isn't ready yet and not stuck either: its manager shall wait this much longer.
  void wait_for(std::chrono::microseconds longer) const;

  // Still at work. Says so when a quarter of the watchdog's time is over, so that it may be asked often.
  void alive();

  // One line for `systemctl status`; the same again is not told again.
  void status(const std::string& line);

  // It ends because it was told to.
  void stopping() const { tell("STOPPING=1"); }

  [[nodiscard]] bool is_ready() const { return is_ready_; }

  // The longest time between two calls of alive(); the maximum when nobody counts.
  [[nodiscard]] std::chrono::milliseconds patience() const;

 private:
  void tell(std::string_view assignments) const;

  ServicePlace place_;
  bool is_ready_ = false;
  std::string status_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace ovl
