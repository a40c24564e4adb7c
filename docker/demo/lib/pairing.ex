defmodule Pairing do
  @moduledoc "Three nodes that find each other, and a page that shows them."
  use Application

  @impl true
  def start(_type, _args) do
    port = String.to_integer(System.get_env("PORT", "4000"))
    Supervisor.start_link([Pairing.Peers, {Pairing.Page, port}], strategy: :one_for_one)
  end
end
