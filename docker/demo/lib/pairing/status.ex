defmodule Pairing.Status do
  @moduledoc "What a node knows of itself."

  def own do
    %{
      node: node(),
      address: System.get_env("MY_POD_IP", "?"),
      uptime: :erlang.statistics(:wall_clock) |> elem(0),
      waited: started_at(System.pid()) - started_at("1")
    }
  end

  @doc "Of every node in the cluster, by name."
  def all do
    [node() | Node.list()]
    |> :erpc.multicall(__MODULE__, :own, [], 1_000)
    |> Enum.flat_map(fn
      {:ok, status} -> [status]
      _gone_meanwhile -> []
    end)
    |> Enum.sort_by(& &1.node)
  end

  # When a process of the container started, in milliseconds since the machine did; the kernel counts in hundredths. The
  # VM starts this long after PID 1 as beaminit, which is PID 1, had to wait.
  defp started_at(pid) do
    [_pid_and_name, rest] = File.read!("/proc/#{pid}/stat") |> String.split(") ", parts: 2)
    10 * (rest |> String.split() |> Enum.at(19) |> String.to_integer())
  end
end
