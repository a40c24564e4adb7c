defmodule Pairing.Peers do
  @moduledoc """
  Connects to all that the headless service lists. Its SRV records name its pods, as CoreDNS has them for every headless
  service; libcluster's `Kubernetes.DNSSRV` asks the same.
  """
  use GenServer
  require Logger

  @look_every 1_000

  def start_link(_), do: GenServer.start_link(__MODULE__, [], name: __MODULE__)

  @impl true
  def init(_) do
    :net_kernel.monitor_nodes(true)
    send(self(), :look)
    {:ok, nil}
  end

  @impl true
  def handle_info(:look, state) do
    # Not in this process: to connect to an address where nobody is takes seconds.
    for node <- listed() -- [node() | Node.list()] do
      spawn(Node, :connect, [node])
    end

    Process.send_after(self(), :look, @look_every)
    {:noreply, state}
  end

  def handle_info({:nodeup, node}, state) do
    tell("#{node} joined")
    {:noreply, state}
  end

  def handle_info({:nodedown, node}, state) do
    tell("#{node} left")
    {:noreply, state}
  end

  defp listed do
    case System.get_env("MY_POD_BASE_DNS") do
      # Outside of a cluster.
      nil -> []
      service -> listed(String.to_charlist(service))
    end
  end

  defp listed(service) do
    [name, _host] = node() |> Atom.to_string() |> String.split("@")

    for {_priority, _weight, _port, host} <- :inet_res.lookup(service, :in, :srv) do
      :"#{name}@#{host}"
    end
  end

  defp tell(what), do: Logger.info("#{what}: cluster of #{length(Node.list()) + 1}")
end
