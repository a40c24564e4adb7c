defmodule Pairing.Page do
  @moduledoc "The cluster over HTTP: `/` for people, `/status.json` for programs."
  use Task, restart: :permanent

  @style """
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
  h1 { font-size: 1.5rem; margin: 0 }
  p { opacity: .7; margin: .25rem 0 2rem }
  ul { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem; list-style: none; padding: 0 }
  li { border: 1px solid #8886; border-radius: .5rem; padding: 1rem; border-top: .3rem solid #2a9d5c }
  li.self { background: #2a9d5c1a }
  h2 { font-size: 1.1rem; margin: 0 }
  code { font-size: .8rem; opacity: .8 }
  span { white-space: nowrap }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem 1rem; margin: 1rem 0 0 }
  dt { opacity: .7 }
  dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums }
  """

  def start_link(port), do: Task.start_link(__MODULE__, :listen, [port])

  def listen(port) do
    {:ok, socket} = :gen_tcp.listen(port, [:binary, packet: :http_bin, active: false, reuseaddr: true])
    accept(socket)
  end

  defp accept(socket) do
    {:ok, client} = :gen_tcp.accept(socket)
    pid = spawn(fn -> receive do: (:yours -> serve(client)) end)
    :gen_tcp.controlling_process(client, pid)
    send(pid, :yours)
    accept(socket)
  end

  defp serve(client) do
    with {:ok, {:http_request, :GET, {:abs_path, path}, _version}} <- :gen_tcp.recv(client, 0, 5_000),
         :ok <- skip_headers(client) do
      {status, type, body} = answer(path)

      :gen_tcp.send(client, [
        "HTTP/1.1 #{status}\r\ncontent-type: #{type}; charset=utf-8\r\n",
        "content-length: #{byte_size(body)}\r\nconnection: close\r\n\r\n",
        body
      ])
    end

    :gen_tcp.close(client)
  end

  defp skip_headers(client) do
    case :gen_tcp.recv(client, 0, 5_000) do
      {:ok, :http_eoh} -> :ok
      {:ok, _header} -> skip_headers(client)
      error -> error
    end
  end

  defp answer("/"), do: {"200 OK", "text/html", page(Pairing.Status.all())}
  defp answer("/status.json"), do: {"200 OK", "application/json", json(Pairing.Status.all())}
  defp answer(_), do: {"404 Not Found", "text/plain", "There are / and /status.json.\n"}

  # Node names and addresses have no character that JSON or HTML would want escaped.
  defp json(nodes) do
    nodes =
      Enum.map_join(nodes, ",", fn status ->
        ~s({"node":"#{status.node}","address":"#{status.address}",) <>
          ~s("uptime_ms":#{status.uptime},"waited_ms":#{status.waited}})
      end)

    ~s({"self":"#{node()}","nodes":[#{nodes}]}\n)
  end

  defp page(nodes) do
    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <meta http-equiv="refresh" content="1">
    <title>#{length(nodes)} nodes</title>
    <style>#{@style}</style>
    <h1>Cluster of #{length(nodes)}</h1>
    <p>as #{name(node())} sees it</p>
    <ul>#{Enum.map_join(nodes, &card/1)}</ul>
    </html>
    """
  end

  defp card(status) do
    [_name, host] = status.node |> Atom.to_string() |> String.split("@")
    [pod | _] = String.split(host, ".")

    """
    <li#{if status.node == node(), do: ~s( class="self")}>
    <h2>#{pod}</h2>
    <code>#{name(status.node)}</code>
    <dl>
    <dt>address</dt><dd>#{status.address}</dd>
    <dt>up for</dt><dd>#{seconds(status.uptime)} s</dd>
    <dt>VM started after</dt><dd>#{seconds(status.waited)} s</dd>
    </dl>
    </li>
    """
  end

  # Long names break behind their dots, never at the hyphen of `pairing-0`.
  defp name(node) do
    node
    |> Atom.to_string()
    |> String.split(~r/(?<=[@.])/)
    |> Enum.map_join("<wbr>", &"<span>#{&1}</span>")
  end

  defp seconds(milliseconds), do: :erlang.float_to_binary(milliseconds / 1000, decimals: 1)
end
