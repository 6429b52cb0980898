# Builder of a test host's toplevel (see system.nix, which sets the variables).
eval "$build"

mkdir -p "$out/bin" "$out/snippets" "$out/sw/bin" "$out/etc/systemd/system"
printf %s "$version" > "$out/nixos-version"
printf %s "$platform" > "$out/system"
printf %s "$init_interface" > "$out/init-interface-version"
ln -s "$kernel" "$out/kernel"
ln -s "$initrd" "$out/initrd"
ln -s "$modules" "$out/kernel-modules"
printf 'init=%s/init' "$out" > "$out/kernel-params"
cp "$inhibitors" "$out/switch-inhibitors"

for script in $scripts; do
  name=${script##*/}
  name=${name#*-}
  sed "s|@out@|$out|g" "$script" > "$out/$name"
  chmod 555 "$out/$name"
done
mv "$out/switch-to-configuration" "$out/bin/"
for moment in bootloader activation before between after; do
  eval "cp \"\$snippet_$moment\" \"\$out/snippets/$moment\""
done
printf '#!/bin/sh\necho %s\n' "$version" > "$out/sw/bin/nixos-version"
chmod 555 "$out/sw/bin/nixos-version"

while read -r text name wanted_by; do
  cp "$text" "$out/etc/systemd/system/$name"
  for target in $wanted_by; do
    mkdir -p "$out/etc/systemd/system/$target.wants"
    ln -s "../$name" "$out/etc/systemd/system/$target.wants/$name"
  done
done < "$units"
