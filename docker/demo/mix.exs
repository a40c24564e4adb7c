defmodule Pairing.MixProject do
  use Mix.Project

  def project do
    [
      app: :pairing,
      version: "1.0.0",
      elixir: "~> 1.14",
      start_permanent: true,
      deps: [],
      releases: [pairing: [include_executables_for: [:unix]]]
    ]
  end

  def application do
    [extra_applications: [:logger], mod: {Pairing, []}]
  end
end
