defmodule Pairing.Peers do
  @moduledoc """
  Connects to whoever the headless service lists. Its SRV records name its pods, as CoreDNS has them for every headless
  service; libcluster's `Kubernetes.DNSSRV` asks the same.
  """
  use GenServer
  require Logger

  # A young node asks every second. An old one seldom: while it tries to reach a peer at an address that is out of date,
  # it turns that peer's own connection down.
  @young 10_000
  @soon 1_000
  @seldom 5_000

  def start_link(_), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @impl true
  def init(_) do
    :net_kernel.monitor_nodes(true)
    {:ok, System.monotonic_time(:millisecond), {:continue, :look}}
  end

  @impl true
  def handle_continue(:look, started), do: look(started)

  @impl true
  def handle_info(:look, started), do: look(started)
  def handle_info({:nodeup, node}, started), do: tell("#{node} joined", started)
  def handle_info({:nodedown, node}, started), do: tell("#{node} left", started)

  defp look(started) do
    # Not in this process: to connect to an address where nobody is takes seconds.
    for node <- listed() -- [node() | Node.list()], do: spawn(Node, :connect, [node])
    age = System.monotonic_time(:millisecond) - started
    Process.send_after(self(), :look, if(age < @young, do: @soon, else: @seldom))
    {:noreply, started}
  end

  defp listed do
    [name, _host] = node() |> Atom.to_string() |> String.split("@")
    service = System.fetch_env!("MY_POD_BASE_DNS") |> String.to_charlist()

    for {_priority, _weight, _port, host} <- :inet_res.lookup(service, :in, :srv) do
      :"#{name}@#{host}"
    end
  end

  defp tell(what, started) do
    Logger.info("#{what}: cluster of #{length(Node.list()) + 1}")
    {:noreply, started}
  end
end
