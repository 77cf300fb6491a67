#pragma once
// Task<T>: a lazy coroutine that runs on one reactor thread. It starts when awaited, resumes its awaiter when it ends (symmetric
// transfer, so chains of tasks use no stack), and takes its frame from a per-thread free list. Exceptions do not cross it: an escaping
// one ends the program, because the data path reports trouble as values.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace evener::net {

/// Frames come from free lists per size class, per thread; under AddressSanitizer straight from the heap, so that it sees every misuse.
void* frame_allocate(std::size_t bytes);
void frame_free(void* frame, std::size_t bytes) noexcept;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation;

  static void* operator new(std::size_t bytes) { return frame_allocate(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { frame_free(frame, bytes); }

  struct Final {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const std::coroutine_handle<> next = ended.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  auto get_return_object() { return std::coroutine_handle<Promise>::from_promise(*this); }
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  auto get_return_object() { return std::coroutine_handle<Promise>::from_promise(*this); }
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}  // NOLINT: made by the promise
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

/// A coroutine that nobody awaits; it starts at once and frees itself at its end. Made by Reactor::spawn and Sibling only.
struct Detached {
  struct promise_type : detail::PromiseBase {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
  };
};

/// Runs one task beside its owner, on the same thread. The owner must co_await join() before the Sibling is destroyed.
class Sibling {
 public:
  Sibling() = default;
  Sibling(const Sibling&) = delete;
  Sibling& operator=(const Sibling&) = delete;

  /// Runs the task until it first suspends; only one at a time.
  void start(Task<> task) {
    running_ = true;
    run(std::move(task));
  }
  [[nodiscard]] bool running() const { return running_; }

  struct Join {
    Sibling& sibling;
    [[nodiscard]] bool await_ready() const noexcept { return !sibling.running_; }
    void await_suspend(std::coroutine_handle<> awaiter) const noexcept { sibling.owner_ = awaiter; }
    void await_resume() const noexcept {}
  };
  /// Waits until the task has ended; at once if none runs.
  Join join() { return Join{*this}; }

 private:
  Detached run(Task<> task) {
    co_await task;
    running_ = false;
    if (const auto owner = std::exchange(owner_, nullptr)) owner.resume();
  }

  bool running_ = false;
  std::coroutine_handle<> owner_;
};

}  // namespace evener::net
